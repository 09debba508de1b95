"""Figures as people read them, by Grafana's names for units."""

import math

_BYTES = ("B", "kB", "MB", "GB", "TB")


def readable(value: float, unit: str) -> str:
    """A figure with its unit; a dash for what is no number."""
    if not math.isfinite(value):
        return "-"
    if unit == "s":
        return _seconds(value)
    if unit == "percentunit":
        return f"{value * 100:.3g} %"
    if unit == "bytes":
        return _bytes(value)
    return f"{value:.3g}{'/s' if unit == 'reqps' else ''}"


def _seconds(value: float) -> str:
    if value >= 120:
        return f"{value / 60:.3g} min"
    return f"{value:.3g} s" if value >= 1 or value == 0 else f"{value * 1000:.3g} ms"


def _bytes(value: float) -> str:
    power = min(int(math.log(max(value, 1), 1000)), len(_BYTES) - 1)
    return f"{value / 1000**power:.3g} {_BYTES[power]}"
