import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import structlog

from runlet.config import ConfigError, load
from runlet_amqp.envelopes import Envelope
from runlet_telemetry import logs, tracers, tracing
from runlet_telemetry.trace_context import trace_id
from runlet_telemetry.tracing import OFF, Kind
from runlet_telemetry.tracing_settings import TracingSettings
from support.telemetry.tracers import RecordingTracer

TRACEPARENT = f"00-{'ab' * 16}-{'cd' * 8}-00"


def test_without_an_endpoint_a_span_is_a_place_in_the_trace() -> None:
    span = OFF.begin("work", Kind.INTERNAL, TRACEPARENT)
    assert span.traceparent == span.traceparent
    assert span.traceparent != TRACEPARENT
    assert trace_id(span.traceparent) == trace_id(TRACEPARENT)
    assert span.traceparent.endswith("-00")


def test_steps_belong_to_the_step_around_them() -> None:
    tracer = RecordingTracer()
    with (
        tracing.active(tracer.begin("outer", Kind.SERVER, TRACEPARENT)),
        tracing.step("inner", Kind.CLIENT, {"place": "here"}),
    ):
        tracing.note({"more": 1})
    outer, inner = tracer.spans
    assert inner.parent == outer.traceparent
    assert (inner.kind, inner.attributes) == (Kind.CLIENT, {"place": "here", "more": 1})
    assert outer.ended
    assert inner.ended


def test_the_current_step_is_the_one_around_again_when_a_step_is_over() -> None:
    tracer = RecordingTracer()
    with tracing.active(tracer.begin("outer", Kind.SERVER, None)) as outer:
        with tracing.step("inner") as inner:
            assert tracing.traceparent() == inner.traceparent
        assert tracing.traceparent() == outer.traceparent


def test_outside_of_any_step_nothing_is_noted_and_a_trace_begins() -> None:
    tracing.note({"nobody": "listens"})
    with tracing.step("alone") as span:
        assert trace_id(span.traceparent)
    assert trace_id(tracing.traceparent()) != trace_id(tracing.traceparent())


def test_other_threads_have_steps_of_their_own() -> None:
    tracer, seen = RecordingTracer(), []
    with tracing.active(tracer.begin("outer", Kind.SERVER, TRACEPARENT)):
        thread = threading.Thread(target=lambda: seen.append(tracing.traceparent()))
        thread.start()
        thread.join()
    assert trace_id(seen[0]) != trace_id(TRACEPARENT)


def test_a_step_that_fails_says_with_which_kind_of_error_and_no_more() -> None:
    tracer = RecordingTracer()
    with (
        pytest.raises(LookupError),
        tracing.active(tracer.begin("outer", Kind.SERVER, None)),
        tracing.step("inner"),
    ):
        raise LookupError("print('a program')")
    for span in tracer.spans:
        assert (span.error, span.ended, span.attributes) == ("LookupError", True, {})


def test_log_lines_name_the_trace_they_belong_to() -> None:
    with tracing.active(OFF.begin("work", Kind.INTERNAL, TRACEPARENT)):
        assert tracing.add_trace_id(None, "info", {})["trace_id"] == "ab" * 16
    with tracing.logged(TRACEPARENT):
        assert tracing.add_trace_id(None, "info", {})["trace_id"] == "ab" * 16
    assert "trace_id" not in tracing.add_trace_id(None, "info", {})


@contextmanager
def logging_as_services_do() -> Iterator[None]:
    """Log lines on standard output; afterwards it is as it was."""
    root = logging.getLogger()
    before, handlers, level = structlog.get_config(), root.handlers, root.level
    logs.configure("test")
    try:
        yield
    finally:
        structlog.configure(**before)
        root.handlers = handlers
        root.setLevel(level)


def test_the_log_shows_the_trace(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_as_services_do():
        with tracing.logged(TRACEPARENT):
            structlog.get_logger().info("something_happened")
            logging.getLogger("library").info("something else")
        with tracing.logged(None):
            structlog.get_logger().info("something_happened")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line.get("trace_id") for line in lines] == ["ab" * 16, "ab" * 16, None]


def test_a_message_carries_the_context_it_was_given_or_begins_a_trace() -> None:
    message = Envelope("runs", "c", "t", b"", "id", TRACEPARENT)
    assert message.properties().headers["traceparent"] == TRACEPARENT
    alone = Envelope("runs", "c", "t", b"", "id")
    assert trace_id(alone.properties().headers["traceparent"])


def settings(**environ: str) -> TracingSettings:
    return load(TracingSettings, {f"OTEL_{name}": value for name, value in environ.items()})


@pytest.mark.parametrize("base", ["http://collector:4318", "http://collector:4318/"])
def test_spans_go_to_their_path_under_the_endpoint(base: str) -> None:
    assert settings(EXPORTER_OTLP_ENDPOINT=base).spans_endpoint() == f"{base.rstrip('/')}/v1/traces"


def test_an_endpoint_for_spans_alone_is_taken_as_it_is() -> None:
    both = settings(
        EXPORTER_OTLP_ENDPOINT="http://a:4318", EXPORTER_OTLP_TRACES_ENDPOINT="https://b/spans"
    )
    assert both.spans_endpoint() == "https://b/spans"


@pytest.mark.parametrize("name", ["EXPORTER_OTLP_HEADERS", "BSP_SCHEDULE_DELAY", "SDK_DISABLED"])
def test_nothing_is_exported_without_an_endpoint(name: str) -> None:
    chosen = settings(EXPORTER_OTLP_ENDPOINT="", **{name: "1"})
    assert chosen.spans_endpoint() == ""
    assert tracers.create(chosen, "test") is OFF


def test_nothing_is_exported_when_the_sdk_is_disabled() -> None:
    disabled = settings(EXPORTER_OTLP_ENDPOINT="http://collector:4318", SDK_DISABLED="true")
    assert tracers.create(disabled, "test") is OFF


@pytest.mark.parametrize("address", ["collector:4318", "collector", "ftp://collector", "http://"])
def test_an_endpoint_that_is_no_address_is_refused_by_name(address: str) -> None:
    with pytest.raises(ConfigError, match="OTEL_EXPORTER_OTLP_ENDPOINT is not usable"):
        settings(EXPORTER_OTLP_ENDPOINT=address).spans_endpoint()


def test_a_protocol_that_is_not_spoken_is_refused_with_the_one_that_is() -> None:
    with pytest.raises(ConfigError, match="by http/protobuf only"):
        settings(
            EXPORTER_OTLP_ENDPOINT="http://collector:4317", EXPORTER_OTLP_PROTOCOL="grpc"
        ).spans_endpoint()


def test_credentials_are_not_shown() -> None:
    assert "Bearer" not in repr(settings(EXPORTER_OTLP_HEADERS="authorization=Bearer x"))
