"""How much waits in the broker's queues, and how many take from them."""

import math
from collections.abc import Collection

from runlet.backoff import Stop
from runlet_amqp.errors import BrokerUnavailableError
from runlet_amqp.queue_counter import QueueCounter
from runlet_telemetry.metrics import QUEUE_CONSUMERS, QUEUE_MESSAGES

# Some twenty questions of well under a millisecond each time; also keeps the connection alive.
EVERY_SECONDS = 5.0


class QueueGauges:
    """Measures all queues, over a connection of its own.

    What cannot be measured has no figure: the gauges are NaN then.
    """

    def __init__(self, counter: QueueCounter, queues: Collection[str]) -> None:
        self._counter = counter
        self._queues = queues
        self._forget()

    def turn(self, stop: Stop) -> None:
        """Measure once. Raises BrokerUnavailableError when the broker does not answer."""
        try:
            for queue in self._queues:
                if stop.is_set():
                    return
                found = self._counter.count(queue)
                QUEUE_MESSAGES.labels(queue).set(found.messages)
                QUEUE_CONSUMERS.labels(queue).set(found.consumers)
        except BrokerUnavailableError:
            self._forget()
            raise

    def _forget(self) -> None:
        for queue in self._queues:
            QUEUE_MESSAGES.labels(queue).set(math.nan)
            QUEUE_CONSUMERS.labels(queue).set(math.nan)
