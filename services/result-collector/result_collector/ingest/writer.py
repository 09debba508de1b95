"""The thread that writes: it takes deliveries in batches and settles what is stored."""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, Queue

import structlog
from sqlalchemy.exc import SQLAlchemyError
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_random_exponential

from runlet.lifecycle import StopSignal
from runlet_amqp.consumer import Delivery

log = structlog.get_logger()

BATCH_SIZE = 200
# How soon a stop is seen while nothing arrives.
IDLE_SECONDS = 0.2
FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 0.2, 5.0

Write = Callable[[Sequence[Delivery]], None]
Settle = Callable[[Sequence[Delivery]], None]


class Writer:
    """Writes batches until stopped; while the database is away it keeps its batch and tries again.

    A batch that is not written when the stop comes is not settled, so the broker delivers it again.
    """

    def __init__(
        self, deliveries: "Queue[Delivery]", write: Write, settle: Settle, stop: StopSignal
    ) -> None:
        self._deliveries = deliveries
        self._write = write
        self._settle = settle
        self._stop = stop
        self._thread = threading.Thread(target=self._run, name="writer")
        self.failed = False

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def join(self) -> None:
        """Wait until the batch in hand is settled."""
        self._thread.join()

    @property
    def alive(self) -> bool:
        """Whether batches are still being written."""
        return self._thread.is_alive()

    def _run(self) -> None:
        self.failed = True
        try:
            while not self._stop.is_set():
                batch = self._next_batch()
                if batch and self._write_stubbornly(batch):
                    self._settle(batch)
            self.failed = False
        finally:
            # Without this thread the process has no use; whoever supervises it starts another.
            self._stop.set()

    def _next_batch(self) -> list[Delivery]:
        batch: list[Delivery] = []
        with suppress(Empty):
            batch.append(self._deliveries.get(timeout=IDLE_SECONDS))
            while len(batch) < BATCH_SIZE:
                batch.append(self._deliveries.get_nowait())
        return batch

    def _write_stubbornly(self, batch: Sequence[Delivery]) -> bool:
        """Write until it succeeds; False when the stop came first."""
        retrying = Retrying(
            retry=retry_if_exception_type(SQLAlchemyError),
            wait=wait_random_exponential(FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS),
            stop=lambda _state: self._stop.is_set(),
            sleep=self._pause,
            before_sleep=_log_failure,
            reraise=True,
        )
        try:
            retrying(self._write, batch)
        except SQLAlchemyError as error:
            log.warning("batch_given_back", size=len(batch), error=str(error))
            return False
        return True

    def _pause(self, seconds: float) -> None:
        self._stop.wait(seconds)


def _log_failure(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.warning("database_unavailable", attempt=state.attempt_number, error=str(error))
