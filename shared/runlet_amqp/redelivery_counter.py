"""Counting messages that come again."""

from collections.abc import Callable, Iterable

from runlet_amqp.consumer import Delivery
from runlet_telemetry.metrics import REDELIVERIES

OnDelivery = Callable[[Delivery], None]


def counted(queues: Iterable[str], on_delivery: OnDelivery) -> OnDelivery:
    """Hand deliveries of these queues on, and count those that were delivered before."""
    for queue in queues:
        REDELIVERIES.labels(queue)

    def count_and_pass_on(delivery: Delivery) -> None:
        if delivery.earlier_deliveries:
            REDELIVERIES.labels(delivery.queue).inc()
        on_delivery(delivery)

    return count_and_pass_on
