"""The dashboard as a picture, panel by panel where Grafana would put them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator
from matplotlib.transforms import Bbox

from monitoring.answers import Series
from monitoring.dashboard import Panel
from monitoring.units import readable

Drawn = Sequence[tuple[Panel, Sequence[Series]]]

COLUMNS = 24
WIDTH_INCHES = 17.0
UNIT_INCHES = 0.36
TITLE_INCHES = 0.45
MOST_ROWS = 8
COLOURS: Mapping[str, str] = {"green": "#56a64b", "orange": "#ff9830", "red": "#e02f44"}
GREY = "#5f6368"


def draw(title: str, drawn: Drawn, path: Path) -> None:
    """Write the picture of all panels with their answers to `path`."""
    units = max(panel.place.y + panel.place.height for panel, _ in drawn)
    height = units * UNIT_INCHES + TITLE_INCHES
    figure = plt.figure(figsize=(WIDTH_INCHES, height), facecolor="#f4f5f5")
    figure.text(0.008, 1 - 0.27 / height, title, fontsize=13, weight="bold", va="center")
    for panel, series in drawn:
        _PAINTERS[panel.kind](_axes(figure, panel, height), panel, series)
    figure.savefig(path, dpi=80)
    plt.close(figure)


def _axes(figure: Figure, panel: Panel, height: float) -> Axes:
    """Axes that fill the panel's place but for what its title and labels take."""
    place = panel.place
    top = height - TITLE_INCHES - place.y * UNIT_INCHES
    left, width = place.x / COLUMNS, place.width / COLUMNS
    inner = _MARGINS[panel.kind]
    bottom = top - place.height * UNIT_INCHES
    return figure.add_axes(
        (
            left + inner[0] / WIDTH_INCHES,
            (bottom + inner[1]) / height,
            width - (inner[0] + inner[2]) / WIDTH_INCHES,
            (place.height * UNIT_INCHES - inner[1] - inner[3]) / height,
        )
    )


# Left, bottom, right and top, in inches.
_MARGINS = {
    "row": (0.12, 0.02, 0.12, 0.02),
    "stat": (0.12, 0.08, 0.08, 0.32),
    "timeseries": (0.75, 0.34, 0.15, 0.32),
    "table": (0.12, 0.08, 0.08, 0.32),
}


def _row(axes: Axes, panel: Panel, _series: Sequence[Series]) -> None:
    axes.axis("off")
    axes.text(0, 0.5, panel.title, fontsize=12, weight="bold", va="center", color="#1f60c4")
    axes.axhline(0, color="#1f60c4", linewidth=1)


def _stat(axes: Axes, panel: Panel, series: Sequence[Series]) -> None:
    axes.axis("off")
    axes.set_title(panel.title, fontsize=8.5, loc="left", color=GREY)
    shown = series or [Series("no runs", {}, [], [float("nan")])]
    for number, one in enumerate(shown):
        value = one.values[-1]
        box = FancyBboxPatch(
            (number / len(shown) + 0.005, 0.02),
            1 / len(shown) - 0.01,
            0.96,
            boxstyle="round,pad=0,rounding_size=0.01",
            facecolor=_colour(panel, value),
            edgecolor="none",
        )
        axes.add_patch(box)
        middle = (number + 0.5) / len(shown)
        text = readable(value, panel.unit)
        axes.text(middle, 0.58, text, ha="center", va="center", fontsize=15, color="white")
        axes.text(middle, 0.2, one.name, ha="center", va="center", fontsize=7, color="white")


def _colour(panel: Panel, value: float) -> str:
    reached = [colour for bound, colour in panel.thresholds if value >= bound]
    return COLOURS[reached[-1]] if reached else GREY


def _timeseries(axes: Axes, panel: Panel, series: Sequence[Series]) -> None:
    axes.set_title(panel.title, fontsize=8.5, loc="left", color=GREY)
    if panel.stacked and series:
        _stack(axes, series)
    else:
        for one in series:
            axes.plot(one.times, one.values, linewidth=1.2, label=one.name)
    axes.tick_params(labelsize=7)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: f"{seconds:g} s"))
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.grid(alpha=0.3)
    if panel.logarithmic and series:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_minor_formatter("")
    elif not panel.stacked:
        axes.set_ylim(bottom=0, top=_highest(series) * 1.1 or 1)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: readable(value, panel.unit)))
    if series:
        axes.legend(fontsize=6.5, loc="upper left", ncols=2, framealpha=0.6)
    else:
        axes.text(0.5, 0.5, "nothing", transform=axes.transAxes, ha="center", color=GREY)


def _stack(axes: Axes, series: Sequence[Series]) -> None:
    times = sorted({at for one in series for at in one.times})
    known = [dict(zip(one.times, one.values, strict=True)) for one in series]
    heights = [[values.get(at, 0.0) for at in times] for values in known]
    axes.stackplot(times, heights, labels=[one.name for one in series], alpha=0.7)


def _highest(series: Sequence[Series]) -> float:
    return max((value for one in series for value in one.values if value == value), default=0.0)


def _table(axes: Axes, panel: Panel, series: Sequence[Series]) -> None:
    axes.axis("off")
    axes.set_title(panel.title, fontsize=8.5, loc="left", color=GREY)
    if not series:
        axes.text(0.01, 0.8, "none", fontsize=9, color=GREY)
        return
    names = sorted({name for one in series for name in one.labels if not name.startswith("__")})
    rows = [
        [*(one.labels.get(name, "") for name in names), readable(one.values[-1], panel.unit)]
        for one in series[:MOST_ROWS]
    ]
    height = min(1.0, (len(rows) + 1) / (MOST_ROWS + 1))
    table = axes.table(
        rows,
        colLabels=[*names, "count"],
        bbox=Bbox.from_bounds(0, 1 - height, 1, height),
        cellLoc="left",
        colLoc="left",
        edges="horizontal",
    )
    table.auto_set_font_size(False)
    table.set_fontsize(7.5)


_PAINTERS: Mapping[str, Callable[[Axes, Panel, Sequence[Series]], None]] = {
    "row": _row,
    "stat": _stat,
    "timeseries": _timeseries,
    "table": _table,
}
