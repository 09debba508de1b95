"""The time-outs of the code: constants of modules that are named by their unit."""

import importlib
import re
from pathlib import Path

from support.documents.markdown import ROOT

CONSTANT = re.compile(r"^(_?[A-Z][A-Z0-9_]*_(?:SECONDS|MS)|SECONDS)\b.*? = ", re.MULTILINE)
# Buckets and names of metrics, which measure and bound nothing.
NO_BOUNDS = {"runlet_telemetry.metrics"}

Value = tuple[float, ...]


def constants() -> dict[str, Value]:
    """Every constant in seconds or milliseconds, as `module.NAME`, with its value."""
    found: dict[str, Value] = {}
    for package in (*ROOT.glob("shared/*"), *ROOT.glob("services/*/*")):
        for path in sorted(package.rglob("*.py")) if (package / "__init__.py").exists() else ():
            found.update(_constants_of(package, path))
    return found


def value_of(name: str) -> Value:
    """The value of `module.NAME`; raises AttributeError or ModuleNotFoundError for a stale name."""
    module, _, constant = name.rpartition(".")
    value = getattr(importlib.import_module(module), constant)
    return tuple(map(float, value)) if isinstance(value, tuple) else (float(value),)


def _constants_of(package: Path, path: Path) -> dict[str, Value]:
    module = ".".join(path.relative_to(package.parent).with_suffix("").parts)
    names = CONSTANT.findall(path.read_text(encoding="utf-8"))
    if not names or module in NO_BOUNDS or "migrations" in path.parts:
        return {}
    return {f"{module}.{name}": value_of(f"{module}.{name}") for name in names}
