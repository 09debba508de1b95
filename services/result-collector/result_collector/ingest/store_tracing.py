"""Storing a batch, as a step of every trace that something in it belongs to."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from runlet_amqp import delivery_tracing
from runlet_amqp.consumer import Delivery
from runlet_telemetry.tracing import Kind, Span, Tracer


@contextmanager
def storing(tracer: Tracer, batch: Sequence[Delivery]) -> Iterator[Sequence[Delivery]]:
    """Store a batch within the block; its deliveries are then parts of these steps.

    Several that are stored at once wait for each other, so each is linked with the span that stands
    for the whole batch, and that one with them.
    """
    if not tracer.exports:
        yield batch
        return
    whole = [_begin_batch(tracer, batch)] if len(batch) > 1 else []
    links = [span.traceparent for span in whole]
    spans = [delivery_tracing.begin(tracer, "store", delivery, links) for delivery in batch]
    try:
        yield [
            delivery.following(span.traceparent)
            for delivery, span in zip(batch, spans, strict=True)
        ]
    except BaseException as error:
        for span in (*spans, *whole):
            span.fail(type(error).__name__)
        raise
    finally:
        for span in (*spans, *whole):
            span.end()


def _begin_batch(tracer: Tracer, batch: Sequence[Delivery]) -> Span:
    return tracer.begin(
        "store a batch",
        Kind.INTERNAL,
        None,
        {"messaging.batch.message_count": len(batch)},
        links=[delivery.traceparent for delivery in batch],
    )
