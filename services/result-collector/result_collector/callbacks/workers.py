"""The loops that call receivers back, beside everything that stores results."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, Queue

import structlog

from runlet.backoff import Stop
from runlet_amqp.consumer import Consumer, Delivery
from runlet_postgres.errors import DatabaseUnavailableError
from runlet_telemetry.supervision import Loop, LoopContext

log = structlog.get_logger()

# As many receivers as may be slow at once before others wait for them.
WORKERS = 8
# How soon a stop is seen while nothing arrives.
IDLE_SECONDS = 0.5
CONSUMER_LOOP = "callback-consumer"
WORKER_LOOP = "callback-worker"

Handle = Callable[[Delivery, Stop], None]


class CallbackWorkers:
    """A consumer with a connection of its own, and loops that handle what it delivers.

    All of them are stopped together. What is being sent is then finished; what waits is not
    settled, so the broker delivers it again, to others.
    """

    def __init__(
        self,
        consumer: Consumer,
        deliveries: "Queue[Delivery]",
        handle: Handle,
        workers: int = WORKERS,
    ) -> None:
        self._consumer = consumer
        self._deliveries = deliveries
        self._handle = handle
        self._workers = workers
        self._lock = threading.Lock()
        self._at_work = 0

    def consumer_loop(self) -> Loop:
        """The loop that consumes; it ends when the workers have."""
        return self._consumer.loop(self._have_ended, CONSUMER_LOOP)

    def worker_loops(self) -> tuple[Loop, ...]:
        """The loops that send, as many as receivers are called at once."""
        return tuple(Loop(f"{WORKER_LOOP}-{number}", self._work) for number in range(self._workers))

    def _have_ended(self) -> bool:
        with self._lock:
            return not self._at_work

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            self._at_work += 1
        try:
            yield
        finally:
            with self._lock:
                self._at_work -= 1

    def _work(self, context: LoopContext) -> None:
        with self._counted():
            while not context.is_set():
                try:
                    delivery = self._deliveries.get(timeout=IDLE_SECONDS)
                except Empty:
                    continue
                # What a lost connection had delivered is delivered again.
                if self._consumer.is_current(delivery):
                    self._handle_and_settle(delivery, context)

    def _handle_and_settle(self, delivery: Delivery, stop: Stop) -> None:
        try:
            self._handle(delivery, stop)
        except DatabaseUnavailableError as error:
            # Unavailable until the stop: the broker delivers it again, to another process.
            log.warning(
                "callback_interrupted", execution_id=delivery.correlation_id, error=str(error)
            )
            return
        except Exception:
            # Unsettled it would take up a worker's place for good; the sweep finds the callback.
            self._consumer.settle([delivery])
            raise
        self._consumer.settle([delivery])
