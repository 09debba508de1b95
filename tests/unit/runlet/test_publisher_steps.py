import pytest

from runlet_amqp.declaration import Topology
from runlet_amqp.envelopes import Envelope
from runlet_amqp.errors import BrokerUnavailableError
from runlet_amqp.publisher import Publisher
from runlet_telemetry.tracing import Kind
from support.telemetry.tracers import RecordingTracer

TRACEPARENT = f"00-{'ab' * 16}-{'cd' * 8}-01"


def publish(tracer: RecordingTracer, *, is_step: bool = True) -> None:
    """Publish while the broker is away."""
    publisher = Publisher("amqp://127.0.0.1:9/", "test", Topology(), tracer)
    message = Envelope(
        "runs", "c", "run.requested.v1", b"a program", "7", TRACEPARENT, is_step=is_step
    )
    with pytest.raises(BrokerUnavailableError):
        publisher.publish(message).result(0)


def test_what_the_broker_does_not_take_is_a_step_that_failed() -> None:
    tracer = RecordingTracer()
    publish(tracer)
    [span] = tracer.spans
    assert (span.name, span.kind, span.parent) == ("publish runs", Kind.PRODUCER, TRACEPARENT)
    assert (span.error, span.ended) == ("BrokerUnavailableError", True)
    assert "a program" not in repr(span)


def test_live_output_is_no_step() -> None:
    tracer = RecordingTracer()
    publish(tracer, is_step=False)
    assert not tracer.spans
