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
COUNTED = ("messages", "consumers", "containers", "slots", "busy")
PHASES = (metrics.RUN_QUEUE_SECONDS, metrics.RUN_SECONDS, metrics.EVENT_LAG_SECONDS)

every_metric = pytest.mark.parametrize("metric", ALL, ids=exposed_name)
every_histogram = pytest.mark.parametrize("metric", HISTOGRAMS, ids=exposed_name)


@every_metric
def test_a_name_has_our_prefix_snake_case_and_no_odd_unit(metric: MetricWrapperBase) -> None:
    name = exposed_name(metric)

    assert re.fullmatch(r"runlet(_[a-z]+)+", name)
    assert not BAD_UNITS & set(name.split("_"))


@every_metric
def test_a_name_ends_as_its_type_demands(metric: MetricWrapperBase) -> None:
    name = exposed_name(metric)

    if isinstance(metric, Counter):
        assert name.endswith("_total")
    elif isinstance(metric, Histogram):
        assert name.endswith("_seconds")
    else:
        assert isinstance(metric, Gauge)
        assert name.endswith(("_seconds", "_info", *COUNTED))
    assert not name.endswith(("_count", "_sum", "_bucket"))


@every_metric
def test_a_label_is_no_reserved_word_and_no_part_of_the_name(metric: MetricWrapperBase) -> None:
    for label in label_names(metric):
        assert re.fullmatch(r"[a-z]+", label)
        assert label not in {"le", "quantile", "job", "instance", "pid"}
        assert f"_by_{label}" not in exposed_name(metric)


@every_metric
def test_the_help_is_a_sentence(metric: MetricWrapperBase) -> None:
    (family,) = metric.describe()

    assert re.match(r"[A-Z].*\.$", family.documentation, re.DOTALL)


@every_metric
def test_some_service_serves_it(metric: MetricWrapperBase) -> None:
    assert any(metric in served for served in metrics.SERVED.values())


@every_histogram
def test_buckets_rise(metric: Histogram) -> None:
    bounds = upper_bounds(metric)

    assert bounds == sorted(set(bounds))


@pytest.mark.parametrize("metric", PHASES, ids=exposed_name)
def test_the_phases_of_a_run_are_told_apart_in_milliseconds(metric: Histogram) -> None:
    assert sum(bound < 0.1 for bound in upper_bounds(metric)) >= 5


def test_all_that_apis_serve_can_be_summed_over_their_workers() -> None:
    for metric in (*metrics.SESSION_API, *metrics.EXECUTION_API):
        assert not isinstance(metric, Gauge) or metric._multiprocess_mode.startswith("live")


def test_the_document_has_every_metric_as_it_is_defined() -> None:
    assert DOCUMENT.read_text() == metric_docs.table(), "Write it anew: make docs"
