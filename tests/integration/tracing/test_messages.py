"""Messages over a real broker: each carries the trace on, under the span that published it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from queue import Queue
from uuid import uuid4

import pytest

from runlet import topology
from runlet.messages import CallbackRequested, CancelRequested, Message
from runlet_amqp import envelopes
from runlet_amqp.envelopes import Envelope
from runlet_amqp.publisher import Publisher
from runlet_amqp.subscriber import Binding, Subscriber
from runlet_telemetry import tracing
from runlet_telemetry.trace_context import trace_id
from support.broker import vhosts
from support.databases.event_factory import finished
from support.loops import supervised
from support.sandboxes.runners import run_request
from support.telemetry.tracers import RecordingTracer
from support.wait_until import eventually

TRACE = "ab" * 16
TRACEPARENT = f"00-{TRACE}-{'cd' * 8}-01"
REQUEST = run_request("print(42)")


@pytest.fixture
def tracer() -> RecordingTracer:
    """Remembers spans."""
    return RecordingTracer()


@pytest.fixture
def publisher(amqp_url: str, tracer: RecordingTracer) -> Iterator[Publisher]:
    """A publisher that is connected."""
    publisher = Publisher(amqp_url, "test", vhosts.TOPOLOGY, tracer)
    with supervised(publisher.loop()):
        assert publisher.wait_until_connected(120)
        yield publisher


@pytest.mark.parametrize(
    ("message", "queue"),
    [
        (envelopes.run_request(REQUEST, TRACEPARENT), "runs.python"),
        (envelopes.delayed_run_request(REQUEST, 2, TRACEPARENT), "runs.python"),
        (envelopes.dead_letter("t", b"{}", "7", "Broken.", TRACEPARENT), topology.DEAD_QUEUE),
        (envelopes.event(finished(REQUEST), TRACEPARENT), topology.RESULTS_QUEUE),
        (envelopes.callback(CallbackRequested(uuid4()), TRACEPARENT), topology.CALLBACKS_QUEUE),
        (
            envelopes.dead_callback(CallbackRequested(uuid4()), "Gone.", TRACEPARENT),
            topology.CALLBACKS_DEAD_QUEUE,
        ),
    ],
    ids=["request", "retry", "dead letter", "event", "callback", "dead callback"],
)
def test_a_message_arrives_under_the_span_that_published_it(
    publisher: Publisher,
    tracer: RecordingTracer,
    amqp_url: str,
    message: Envelope,
    queue: str,
) -> None:
    publisher.publish(message).result(120)
    [(properties, _body)] = vhosts.take(amqp_url, queue, 1)
    [span] = tracer.spans
    assert properties.headers["traceparent"] == span.traceparent
    assert (span.parent, span.error) == (TRACEPARENT, None)
    assert span.ended


def test_a_request_that_the_broker_gives_up_keeps_its_trace(
    publisher: Publisher, tracer: RecordingTracer, amqp_url: str
) -> None:
    publisher.publish(envelopes.run_request(REQUEST, TRACEPARENT)).result(120)
    with vhosts.open_channel(amqp_url) as channel:
        for _ in range(topology.DELIVERY_LIMIT + 1):
            method, _properties, _body = next(
                channel.consume("runs.python", inactivity_timeout=120)
            )
            channel.basic_nack(method.delivery_tag, requeue=True)
    [(properties, _body)] = vhosts.take(amqp_url, topology.DEAD_QUEUE, 1)
    assert properties.headers["traceparent"] == tracer.spans[0].traceparent


def test_who_hears_a_message_logs_its_trace(publisher: Publisher, amqp_url: str) -> None:
    heard: Queue[object] = Queue()
    connected: list[bool] = []

    def on_message(_message: Message) -> None:
        heard.put(trace_id(tracing.traceparent()))

    bindings = [Binding(topology.CONTROL)]
    subscriber = Subscriber(
        amqp_url, "test", vhosts.TOPOLOGY, bindings, on_message, connected.append
    )
    with supervised(subscriber.loop()):
        eventually(lambda: True in connected)
        cancel = CancelRequested(uuid4(), datetime.now(UTC))
        publisher.publish(envelopes.cancellation(cancel, TRACEPARENT)).result(120)
        assert heard.get(timeout=120) == TRACE
