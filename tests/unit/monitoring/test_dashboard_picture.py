"""The picture of the dashboard, drawn from answers that are known."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, jsonify, request

from monitoring import dashboard
from monitoring.answers import STEP_SECONDS, Prometheus, Series
from monitoring.dashboard import Panel, Place, Query
from monitoring.drawing import draw
from monitoring.units import readable
from support.http.servers import served

END = datetime(2030, 1, 1, 12, 0, tzinfo=UTC)
PNG = b"\x89PNG\r\n"


@pytest.fixture
def prometheus() -> Iterator[Prometheus]:
    """Knows two series, of which one has a gap."""
    app = Flask("prometheus")
    end = END.timestamp()
    whole = [[end - 10, "1"], [end - 5, "2"], [end, "3"]]
    broken = [[end - 40, "1"], [end - 35, "1"], [end, "NaN"]]

    @app.get("/api/v1/query_range")
    def query_range() -> Any:
        assert float(request.args["start"]) == end - 60
        found = [
            {"metric": {"language": "python"}, "values": whole},
            {"metric": {"language": "java"}, "values": broken},
        ]
        return jsonify(data={"result": found})

    @app.get("/api/v1/query")
    def query() -> Any:
        assert float(request.args["time"]) == end
        return jsonify(data={"result": [{"metric": {"job": "runner"}, "value": [end, "7"]}]})

    with served(app) as url:
        yield Prometheus(url, END, timedelta(seconds=60))


def panel(kind: str, legend: str) -> Panel:
    place = Place(0, 0, 24, 6)
    return Panel("A panel", kind, place, "", "short", [Query("x", legend)], False, False, [])


def test_series_are_named_by_their_labels(prometheus: Prometheus) -> None:
    names = [one.name for one in prometheus.answer(panel("timeseries", "of {{language}}"))]
    assert names == ["of python", "of java"]


def test_times_count_back_from_the_end(prometheus: Prometheus) -> None:
    whole, _ = prometheus.answer(panel("timeseries", "x"))
    assert (list(whole.times), list(whole.values)) == ([-10, -5, 0], [1, 2, 3])


def test_a_gap_stays_a_gap(prometheus: Prometheus) -> None:
    _, broken = prometheus.answer(panel("timeseries", "x"))
    assert list(broken.times) == [-40, -35, -35 + STEP_SECONDS, 0]
    assert [math.isnan(value) for value in broken.values] == [False, False, True, True]


def test_a_stat_is_one_figure_of_now(prometheus: Prometheus) -> None:
    assert prometheus.answer(panel("stat", "{{job}}")) == [
        Series("runner", {"job": "runner"}, [0], [7])
    ]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0042, "s", "4.2 ms"),
        (12, "s", "12 s"),
        (600, "s", "10 min"),
        (0, "s", "0 s"),
        (0.0125, "percentunit", "1.25 %"),
        (3.5, "reqps", "3.5/s"),
        (1_500_000, "bytes", "1.5 MB"),
        (0, "bytes", "0 B"),
        (7, "short", "7"),
        (math.nan, "s", "-"),
    ],
)
def test_figures_are_readable(value: float, unit: str, text: str) -> None:
    assert readable(value, unit) == text


@pytest.mark.parametrize("answered", [True, False])
def test_the_whole_dashboard_can_be_drawn(tmp_path: Path, answered: bool) -> None:
    series = [Series("one", {"job": "x"}, [-5, 0], [0.5, math.nan])] if answered else []
    path = tmp_path / "dashboard.png"
    draw("A dashboard", [(panel, series) for panel in dashboard.panels()], path)
    assert path.read_bytes().startswith(PNG)
