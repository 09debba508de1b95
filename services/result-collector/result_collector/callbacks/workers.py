"""The threads that call receivers back, beside everything that stores results."""

import threading
from collections.abc import Callable, Sequence
from queue import Empty, Queue

import structlog
from sqlalchemy.exc import SQLAlchemyError

from result_collector.callbacks.retry_until_stopped import Patience
from runlet.lifecycle import StopSignal
from runlet_amqp.consumer import Consumer, Delivery
from runlet_telemetry.supervision import Supervisor

log = structlog.get_logger()

# As many receivers as may be slow at once before others wait for them.
WORKERS = 8
# How soon a stop is seen while nothing arrives.
IDLE_SECONDS = 0.5
CONSUMER_LOOP = "callback-consumer"

Handle = Callable[[Delivery, Patience], None]


class CallbackWorkers:
    """A consumer with a connection of its own, and threads that handle what it delivers.

    Each loop has a stop signal of its own. Once it is set, what is being sent is finished; what
    waits is not settled, so the broker delivers it again, to others.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        consumer: Consumer,
        deliveries: "Queue[Delivery]",
        handle: Handle,
        worker_stops: Sequence[StopSignal],
    ) -> None:
        self._supervisor = supervisor
        self._consumer = consumer
        self._deliveries = deliveries
        self._handle = handle
        self._workers = [
            threading.Thread(target=self._work, args=(worker_stop,), name=f"callbacks-{number}")
            for number, worker_stop in enumerate(worker_stops)
        ]

    def start(self) -> None:
        """Begin to call back."""
        for thread in self._workers:
            thread.start()
        self._supervisor.start(self._consumer.loop(self._are_done, CONSUMER_LOOP))

    def join(self) -> None:
        """Wait until what is being sent is settled."""
        self._supervisor.ask_to_stop(CONSUMER_LOOP)
        for thread in self._workers:
            thread.join()
        self._supervisor.stop(CONSUMER_LOOP)

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
            if self._consumer.is_current(delivery):
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
