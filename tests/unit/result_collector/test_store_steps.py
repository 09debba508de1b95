import pytest

from result_collector.ingest.store_tracing import storing
from runlet_amqp.consumer import Delivery
from runlet_telemetry.trace_context import trace_id
from runlet_telemetry.tracing import OFF, Kind
from support.databases.stores import delivery
from support.telemetry.tracers import RecordingTracer


def arrived(number: int) -> Delivery:
    """A delivery of a trace of its own."""
    traceparent = f"00-{number:032x}-{'cd' * 8}-01"
    return delivery("execution.finished.v1", b"", f"execution-{number}", traceparent=traceparent)


def test_one_delivery_is_a_step_of_its_trace_and_nothing_else() -> None:
    tracer, alone = RecordingTracer(), arrived(1)
    with storing(tracer, [alone]) as [delivered]:
        assert not tracer.spans[0].ended
    [span] = tracer.spans
    assert (span.name, span.kind) == ("store results.collector", Kind.CONSUMER)
    assert (span.parent, span.links, span.ended) == (alone.traceparent, (), True)
    assert delivered.traceparent == span.traceparent
    assert (delivered.tag, delivered.body) == (alone.tag, alone.body)


def test_what_is_stored_at_once_is_linked_with_the_batch_and_the_batch_with_it() -> None:
    tracer, batch = RecordingTracer(), [arrived(1), arrived(2)]
    with storing(tracer, batch) as delivered:
        pass
    whole, *each = tracer.spans
    assert whole.name == "store a batch"
    assert whole.attributes == {"messaging.batch.message_count": 2}
    assert whole.links == tuple(one.traceparent for one in batch)
    assert [span.links for span in each] == [(whole.traceparent,)] * 2
    for before, after in zip(batch, delivered, strict=True):
        assert trace_id(after.traceparent) == trace_id(before.traceparent)


def test_a_batch_that_is_not_stored_is_a_failure_of_each() -> None:
    tracer = RecordingTracer()
    with pytest.raises(LookupError), storing(tracer, [arrived(1), arrived(2)]):
        raise LookupError("secret")
    assert [(span.error, span.ended) for span in tracer.spans] == [("LookupError", True)] * 3


def test_without_an_exporter_the_batch_is_as_it_was() -> None:
    batch = [arrived(1)]
    with storing(OFF, batch) as delivered:
        assert delivered is batch
