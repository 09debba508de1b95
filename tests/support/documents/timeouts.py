"""The time-outs of the code: constants of modules that are named by their unit."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

from support.documents.markdown import ROOT

UNITS = ("_SECONDS", "_MS")
# Metrics are named by their unit as well, and bound nothing.
NO_BOUNDS = {"runlet_telemetry.metrics"}

Value = tuple[float, ...]


def constants() -> dict[str, Value]:
    """Every constant in seconds or milliseconds, as `module.NAME`, with its value."""
    return {name: value_of(name) for package in _packages() for name in _names_in(package)}


def value_of(name: str) -> Value:
    """The value of `module.NAME`; raises AttributeError or ModuleNotFoundError for a stale name."""
    module, _, constant = name.rpartition(".")
    value = getattr(importlib.import_module(module), constant)
    return tuple(map(float, value)) if isinstance(value, tuple) else (float(value),)


def _packages() -> list[Path]:
    folders = sorted((*ROOT.glob("shared/*"), *ROOT.glob("services/*/*")))
    return [folder for folder in folders if (folder / "__init__.py").exists()]


def _names_in(package: Path) -> Iterator[str]:
    for path in sorted(package.rglob("*.py")):
        module = ".".join(path.relative_to(package.parent).with_suffix("").parts)
        module = module.removesuffix(".__init__")
        if module not in NO_BOUNDS and "migrations" not in path.parts:
            yield from (f"{module}.{name}" for name in _assigned(path))


def _assigned(path: Path) -> Iterator[str]:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [each.id for target in targets for each in _plain_names(target)]
            yield from (name for name in names if name.isupper() and name.endswith(UNITS))


def _plain_names(target: ast.expr) -> list[ast.Name]:
    parts = target.elts if isinstance(target, ast.Tuple) else [target]
    return [part for part in parts if isinstance(part, ast.Name)]
