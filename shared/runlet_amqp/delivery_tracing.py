"""What becomes of a delivery, as a step of the trace that its message belongs to."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from runlet_amqp.consumer import Delivery
from runlet_telemetry import tracing
from runlet_telemetry.tracing import Kind, Span, Tracer


def begin(tracer: Tracer, name: str, delivery: Delivery, links: Sequence[str | None] = ()) -> Span:
    """Begin to do with a delivery what `name` says; `links` are further steps it has to do with."""
    return tracer.begin(
        f"{name} {delivery.queue}",
        Kind.CONSUMER,
        delivery.traceparent,
        {
            "messaging.system": "rabbitmq",
            "messaging.operation.type": "process",
            "messaging.operation.name": name,
            "messaging.destination.name": delivery.queue,
            "messaging.message.conversation_id": delivery.correlation_id,
            "messaging.message.type": delivery.type,
            "runlet.execution_id": delivery.correlation_id,
        },
        links,
    )


@contextmanager
def handling(tracer: Tracer, name: str, delivery: Delivery) -> Iterator[Delivery]:
    """Do something with a delivery, which within the block is part of that step."""
    with tracing.active(begin(tracer, name, delivery)) as span:
        yield delivery.following(span.traceparent)


def traced(
    tracer: Tracer, name: str, handle: Callable[[Delivery], None]
) -> Callable[[Delivery], None]:
    """`handle`, each call a step."""

    def handle_in_step(delivery: Delivery) -> None:
        with handling(tracer, name, delivery) as delivered:
            handle(delivered)

    return handle_in_step
