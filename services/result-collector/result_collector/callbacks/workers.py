"""The threads that call receivers back, beside everything that stores results."""

import threading
from collections.abc import Callable, Sequence
from queue import Empty, Queue

import structlog
from sqlalchemy.exc import SQLAlchemyError

from result_collector.callbacks.retry_until_stopped import Patience
from runlet.lifecycle import StopSignal
from runlet_amqp.consumer import Consumer, Delivery

log = structlog.get_logger()

# As many receivers as may be slow at once before others wait for them.
WORKERS = 8
# How soon a stop is seen while nothing arrives.
IDLE_SECONDS = 0.5

Handle = Callable[[Delivery, Patience], None]


class CallbackWorkers:
    """A consumer with a connection of its own, and threads that handle what it delivers.

    Each loop has a stop signal of its own. Once it is set, what is being sent is finished; what
    waits is not settled, so the broker delivers it again, to others.
    """

    def __init__(
        self,
        consumer: Consumer,
        deliveries: "Queue[Delivery]",
        handle: Handle,
        stop: StopSignal,
        worker_stops: Sequence[StopSignal],
    ) -> None:
        self._consumer = consumer
        self._deliveries = deliveries
        self._handle = handle
        self._workers = [
            threading.Thread(target=self._work, args=(worker_stop,), name=f"callbacks-{number}")
            for number, worker_stop in enumerate(worker_stops)
        ]
        self._consuming = threading.Thread(
            target=consumer.run, args=(stop, self._are_done), name="callbacks"
        )

    def start(self) -> None:
        """Begin to call back."""
        for thread in (*self._workers, self._consuming):
            thread.start()

    def join(self) -> None:
        """Wait until what is being sent is settled."""
        for thread in (*self._workers, self._consuming):
            thread.join()

    def _are_done(self) -> bool:
        return not any(worker.is_alive() for worker in self._workers)

    def _work(self, stop: StopSignal) -> None:
        patience = Patience(stop)
        while not stop.is_set():
            try:
                delivery = self._deliveries.get(timeout=IDLE_SECONDS)
            except Empty:
                continue
            # What a lost connection had delivered was given to somebody else.
            if self._consumer.holds(delivery):
                self._handle_and_settle(delivery, patience, stop)

    def _handle_and_settle(self, delivery: Delivery, patience: Patience, stop: StopSignal) -> None:
        try:
            self._handle(delivery, patience)
        except SQLAlchemyError as error:
            log.warning(
                "callback_not_noted", execution_id=delivery.correlation_id, error=str(error)
            )
            if stop.is_set():
                # The database was away to the end: for whoever comes next.
                return
        self._consumer.settle([delivery])
