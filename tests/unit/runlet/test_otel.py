"""Spans on their way to a collector, which may be slow, away or choosy."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from structlog.testing import capture_logs

from runlet.config import load
from runlet_telemetry import otel, tracers, tracing
from runlet_telemetry.tracing import Attributes, Kind, Tracer
from runlet_telemetry.tracing_settings import TracingSettings
from support.telemetry.otlp import SpanCollector, collecting_spans
from support.wait_until import eventually

TRACE = "ab" * 16
SAMPLED, UNSAMPLED = f"00-{TRACE}-{'cd' * 8}-01", f"00-{TRACE}-{'cd' * 8}-00"
# Nothing listens there.
AWAY = "http://127.0.0.1:9"

Start = Callable[..., Tracer]


@pytest.fixture
def collector() -> Iterator[SpanCollector]:
    """A collector that takes everything."""
    with collecting_spans() as running:
        yield running


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts tracers for an endpoint, which are closed after the test."""
    with ExitStack() as started:

        def create(endpoint: str, **environ: str) -> Tracer:
            variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_BSP_SCHEDULE_DELAY": "20"}
            tracer = tracers.create(load(TracingSettings, {**variables, **environ}), "test-service")
            started.callback(tracer.close)
            return tracer

        yield create


def work(tracer: Tracer, parent: str | None = SAMPLED, times: int = 1) -> None:
    """Begin and end spans."""
    for _ in range(times):
        tracer.begin("work", Kind.INTERNAL, parent).end()


def test_spans_arrive_with_their_parents_kinds_and_attributes(
    collector: SpanCollector, start: Start
) -> None:
    tracer = start(collector.url)
    attributes: Attributes = {"text": "a", "number": 1, "nothing": None}
    with (
        tracing.active(tracer.begin("outer", Kind.SERVER, SAMPLED, attributes)),
        tracing.step("inner", Kind.CLIENT) as inner,
    ):
        inner.note({"later": True})
    tracer.close()
    [outer], [inner_span] = collector.named("outer"), collector.named("inner")
    assert (outer.service, outer.kind, outer.trace_id) == ("test-service", "SERVER", TRACE)
    assert outer.parent_id == "cd" * 8
    assert outer.attributes == {"text": "a", "number": "1"}
    assert (inner_span.parent_id, inner_span.kind) == (outer.span_id, "CLIENT")
    assert inner_span.attributes == {"later": "True"}
    assert f"00-{TRACE}-{inner_span.span_id}-01" == inner.traceparent


def test_links_arrive(collector: SpanCollector, start: Start) -> None:
    tracer = start(collector.url)
    tracer.begin("work", Kind.CONSUMER, None, links=[SAMPLED, None, "nonsense"]).end()
    tracer.close()
    assert collector.spans[0].links == ("cd" * 8,)


def test_what_the_caller_does_not_record_is_not_exported_and_stays_so(
    collector: SpanCollector, start: Start
) -> None:
    tracer = start(collector.url)
    with (
        tracing.active(tracer.begin("outer", Kind.SERVER, UNSAMPLED)),
        tracing.step("inner") as in_,
    ):
        assert in_.traceparent.startswith(f"00-{TRACE}-")
        assert in_.traceparent.endswith("-00")
    tracer.close()
    assert not collector.spans


def test_the_sampler_of_the_environment_decides_about_new_traces(
    collector: SpanCollector, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
    tracer = start(collector.url)
    work(tracer, parent=None)
    work(tracer)
    tracer.close()
    assert [span.trace_id for span in collector.spans] == [TRACE]


def test_the_environment_may_name_the_service_and_empty_variables_are_unset(
    collector: SpanCollector, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TRACES_SAMPLER", "TRACES_SAMPLER_ARG", "EXPORTER_OTLP_TIMEOUT"):
        monkeypatch.setenv(f"OTEL_{name}", "")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=mine,deployment.environment=x")
    tracer = start(collector.url)
    work(tracer)
    tracer.close()
    assert [span.service for span in collector.spans] == ["mine"]


def test_credentials_are_sent_as_headers(collector: SpanCollector, start: Start) -> None:
    tracer = start(collector.url, OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20abc,x-team=b")
    work(tracer)
    tracer.close()
    headers = {name.lower(): value for name, value in collector.headers[0].items()}
    assert (headers["authorization"], headers["x-team"]) == ("Bearer abc", "b")


def test_the_text_of_an_error_is_not_exported(collector: SpanCollector, start: Start) -> None:
    tracer = start(collector.url)
    with (
        pytest.raises(LookupError),
        tracing.active(tracer.begin("outer", Kind.SERVER, SAMPLED)),
        tracing.step("inner"),
    ):
        raise LookupError("print('a program')")
    tracer.close()
    assert [span.failed for span in collector.spans] == [True, True]
    assert {span.attributes["error.type"] for span in collector.spans} == {"LookupError"}
    assert not [body for body in collector.bodies if b"a program" in body]


def test_an_endpoint_that_is_away_costs_nobody_a_wait_and_is_told_once(start: Start) -> None:
    with capture_logs() as logs:
        tracer = start(AWAY, OTEL_BSP_MAX_QUEUE_SIZE="10")
        begun = time.thread_time()
        work(tracer, times=1000)
        spent = time.thread_time() - begun
        eventually(lambda: [log for log in logs if log["event"] == "span_export_failed"])
        work(tracer, times=1000)
    # A thousand spans; the bound is many times what they take, and far below any time-out.
    assert spent < 2
    assert [log["event"] for log in logs].count("span_export_failed") == 1


def test_no_more_spans_wait_than_there_is_room_for(collector: SpanCollector, start: Start) -> None:
    collector.may_answer.clear()
    with capture_logs() as logs:
        tracer = start(collector.url, OTEL_BSP_MAX_QUEUE_SIZE="10")
        work(tracer, times=100)
        collector.may_answer.set()
        tracer.close()
    assert len(collector.spans) == 10
    [lost] = [log for log in logs if log["event"] == "span_export_recovered"]
    assert lost["count"] == 90


def test_spans_are_taken_again_when_the_endpoint_is_back(
    collector: SpanCollector, start: Start
) -> None:
    collector.status = 400
    with capture_logs() as logs:
        tracer = start(collector.url)
        work(tracer, times=3)
        eventually(lambda: [log for log in logs if log["event"] == "span_export_failed"])
        collector.status = 200
        work(tracer)
        eventually(lambda: collector.spans)
        eventually(lambda: [log for log in logs if log["event"] == "span_export_recovered"])
    assert logs[-1]["count"] >= 1


def test_closing_gives_up_on_an_endpoint_that_does_not_answer(
    collector: SpanCollector, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otel, "FLUSH_SECONDS", 0.1)
    collector.may_answer.clear()
    tracer = start(collector.url)
    work(tracer)
    with capture_logs() as logs:
        tracer.close()
    assert "span_flush_timed_out" in [log["event"] for log in logs]


def test_only_one_thread_is_needed(collector: SpanCollector, start: Start) -> None:
    before = set(threading.enumerate())
    start(collector.url)
    assert len(set(threading.enumerate()) - before) == 1
