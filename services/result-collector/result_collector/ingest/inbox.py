"""Deliveries on their way from the consumer's thread to the writer's."""

import threading
from collections import deque

from runlet_amqp.consumer import Delivery

BATCH_SIZE = 200
# Of bodies. What is written at once is in memory up to three times: as it came, as it is stored,
# and as it is published. A batch has one delivery more where that alone is larger.
BATCH_BYTES = 4 * 1024 * 1024


class Inbox:
    """A queue that forgets what a lost connection had delivered, as that is delivered again.

    So what it holds is bounded by what one connection may have unacknowledged, also while nothing
    is taken out. Any thread may call it.
    """

    def __init__(self) -> None:
        self._deliveries: deque[Delivery] = deque()
        self._changed = threading.Condition()

    def put(self, delivery: Delivery) -> None:
        """Take a delivery in, and drop those of connections before its own."""
        with self._changed:
            if self._is_first_of_a_connection(delivery):
                self._deliveries.clear()
            self._deliveries.append(delivery)
            self._changed.notify()

    def _is_first_of_a_connection(self, delivery: Delivery) -> bool:
        waiting = self._deliveries
        return bool(waiting) and (
            waiting[-1].connection_generation != delivery.connection_generation
        )

    def take_batch(self, timeout: float) -> list[Delivery]:
        """What is there, within the bounds of a batch; waits up to `timeout` seconds for the first.

        Empty when nothing has come.
        """
        with self._changed:
            self._changed.wait_for(lambda: bool(self._deliveries), timeout)
            batch: list[Delivery] = []
            size = 0
            while self._deliveries and len(batch) < BATCH_SIZE:
                size += len(self._deliveries[0].body)
                if batch and size > BATCH_BYTES:
                    break
                batch.append(self._deliveries.popleft())
        return batch

    def wake(self) -> None:
        """Have a `take_batch` that waits come back with nothing."""
        with self._changed:
            self._changed.notify_all()

    def __len__(self) -> int:
        """How many deliveries wait."""
        return len(self._deliveries)
