"""What the dashboard shows: its panels and the queries they make, read from Grafana's own file."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DASHBOARD = Path("deploy/grafana/dashboards/runlet.json")


@dataclass(frozen=True)
class Query:
    """One PromQL expression; `legend` names its series, with labels as {{label}}."""

    expression: str
    legend: str


@dataclass(frozen=True)
class Place:
    """Where a panel is, in Grafana's grid of 24 columns; y grows downwards."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Panel:
    """A panel; `kind` is row, stat, timeseries or table, `unit` one of Grafana's names."""

    title: str
    kind: str
    place: Place
    description: str
    unit: str
    queries: Sequence[Query]
    stacked: bool
    logarithmic: bool
    thresholds: Sequence[tuple[float, str]]


def panels(path: Path = DASHBOARD) -> list[Panel]:
    """All panels, rows among them, from top to bottom."""
    dashboard = json.loads(path.read_text(encoding="utf-8"))
    return [_panel(panel) for panel in dashboard["panels"]]


def _panel(panel: Mapping[str, Any]) -> Panel:
    grid = panel["gridPos"]
    defaults = panel.get("fieldConfig", {}).get("defaults", {})
    custom = defaults.get("custom", {})
    return Panel(
        title=panel["title"],
        kind=panel["type"],
        place=Place(grid["x"], grid["y"], grid["w"], grid["h"]),
        description=panel.get("description", ""),
        unit=defaults.get("unit", "short"),
        queries=[Query(q["expr"], q["legendFormat"]) for q in panel.get("targets", [])],
        stacked=custom.get("stacking", {}).get("mode") == "normal",
        logarithmic=custom.get("scaleDistribution", {}).get("type") == "log",
        thresholds=list(_thresholds(defaults)),
    )


def _thresholds(defaults: Mapping[str, Any]) -> Iterator[tuple[float, str]]:
    for step in defaults.get("thresholds", {}).get("steps", []):
        yield float("-inf") if step["value"] is None else step["value"], step["color"]
