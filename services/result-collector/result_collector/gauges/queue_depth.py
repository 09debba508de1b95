"""How much waits in the broker's queues, and how many take from them."""

import math
import threading
from collections.abc import Collection

import structlog

from runlet.backoff import Backoff
from runlet.lifecycle import StopSignal
from runlet_amqp.errors import BrokerUnavailableError
from runlet_amqp.queue_counter import QueueCounter
from runlet_telemetry.metrics import QUEUE_CONSUMERS, QUEUE_MESSAGES

log = structlog.get_logger()

# Some twenty questions of well under a millisecond each time; also keeps the connection alive.
EVERY_SECONDS = 5.0


class QueueGauges:
    """Looks at all queues again and again, on a thread and a connection of its own.

    What cannot be looked at has no figure: the gauges are NaN then.
    """

    def __init__(
        self,
        counter: QueueCounter,
        queues: Collection[str],
        stop: StopSignal,
    ) -> None:
        self._counter = counter
        self._queues = queues
        self._stop = stop
        self._thread = threading.Thread(target=self._run, name="queue-gauges")

    def start(self) -> None:
        """Begin with a look."""
        self._forget()
        self._thread.start()

    def join(self) -> None:
        """Wait until the look in hand is over."""
        self._thread.join()

    def _run(self) -> None:
        backoff = Backoff()
        while not self._stop.is_set():
            try:
                self._look_until_stopped(backoff)
            except BrokerUnavailableError as error:
                self._forget()
                log.warning("queues_not_measured", error=str(error))
                self._stop.wait(backoff.next_delay())

    def _look_until_stopped(self, backoff: Backoff) -> None:
        while not self._stop.is_set():
            self._look()
            backoff.reset()
            self._stop.wait(EVERY_SECONDS)

    def _look(self) -> None:
        for queue in self._queues:
            found = self._counter.count(queue)
            QUEUE_MESSAGES.labels(queue).set(found.messages)
            QUEUE_CONSUMERS.labels(queue).set(found.consumers)

    def _forget(self) -> None:
        for queue in self._queues:
            QUEUE_MESSAGES.labels(queue).set(math.nan)
            QUEUE_CONSUMERS.labels(queue).set(math.nan)
