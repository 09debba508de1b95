"""The naming rules of Prometheus, and that every metric is explained and served."""

import re
from pathlib import Path

import pytest
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

from runlet_telemetry import metrics
from support.telemetry import metric_docs
from support.telemetry.metric_docs import exposed_name, label_names, upper_bounds

DOCUMENT = Path(__file__).parents[3] / "docs" / "metrics.md"

ALL = [each for each in vars(metrics).values() if isinstance(each, MetricWrapperBase)]
HISTOGRAMS = [each for each in ALL if isinstance(each, Histogram)]
# What promtool calls abbreviated, or no base unit.
BAD_UNITS = {"ms", "us", "sec", "secs", "minutes", "hours", "days", "kb", "mb", "mib", "percent"}
# A gauge counts these; of anything else it has to say the unit.
COUNTED = ("messages", "consumers", "containers", "slots", "busy", "stalled")
PHASES = (metrics.RUN_QUEUE_SECONDS, metrics.RUN_SECONDS, metrics.EVENT_LAG_SECONDS)

ENDINGS = {
    Counter: ("_total",),
    Histogram: ("_seconds",),
    Gauge: ("_seconds", "_info", *COUNTED),
}


def test_a_name_has_our_prefix_snake_case_and_no_odd_unit() -> None:
    for name in map(exposed_name, ALL):
        assert re.fullmatch(r"runlet(_[a-z]+)+", name)
        assert not BAD_UNITS & set(name.split("_")), name


def test_a_name_ends_as_its_type_demands() -> None:
    for metric in ALL:
        name = exposed_name(metric)
        assert name.endswith(ENDINGS[type(metric)])
        assert not name.endswith(("_count", "_sum", "_bucket"))


def test_a_label_is_no_reserved_word_and_no_part_of_the_name() -> None:
    for metric in ALL:
        for label in label_names(metric):
            assert re.fullmatch(r"[a-z]+", label), exposed_name(metric)
            assert label not in {"le", "quantile", "job", "instance", "pid"}, exposed_name(metric)
            assert f"_by_{label}" not in exposed_name(metric)


def test_the_help_is_a_sentence() -> None:
    for metric in ALL:
        (family,) = metric.describe()
        assert re.match(r"[A-Z].*\.$", family.documentation, re.DOTALL), exposed_name(metric)


def test_some_service_serves_every_metric() -> None:
    served = [metric for each in metrics.SERVED.values() for metric in each]
    assert [exposed_name(metric) for metric in ALL if metric not in served] == []


def test_buckets_rise() -> None:
    for metric in HISTOGRAMS:
        bounds = upper_bounds(metric)
        assert bounds == sorted(set(bounds)), exposed_name(metric)


@pytest.mark.parametrize("metric", PHASES, ids=exposed_name)
def test_the_phases_of_a_run_are_told_apart_in_milliseconds(metric: Histogram) -> None:
    assert sum(bound < 0.1 for bound in upper_bounds(metric)) >= 5


def test_all_that_apis_serve_can_be_summed_over_their_workers() -> None:
    for metric in (*metrics.SESSION_API, *metrics.EXECUTION_API):
        assert not isinstance(metric, Gauge) or metric._multiprocess_mode.startswith("live")


def test_the_document_has_every_metric_as_it_is_defined() -> None:
    assert DOCUMENT.read_text() == metric_docs.table(), "Write it anew: make docs"
