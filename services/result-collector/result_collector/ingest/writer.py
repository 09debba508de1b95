"""The loop that writes: it takes deliveries in batches and settles what is stored."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Protocol

import structlog

from result_collector.ingest.inbox import Inbox
from runlet.backoff import Stop, retry_until_stopped
from runlet_amqp.consumer import Delivery
from runlet_postgres.errors import DatabaseUnavailableError

log = structlog.get_logger()

# How soon a stop is seen while nothing arrives.
IDLE_SECONDS = 0.2

_RETRIED = (DatabaseUnavailableError,)

Write = Callable[["deque[Delivery]"], None]


class Settles(Protocol):
    """The part of runlet_amqp.consumer.Consumer that is used here."""

    def is_current(self, delivery: Delivery) -> bool:
        """False for what a lost connection had delivered, which comes again."""
        ...

    def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge deliveries."""
        ...

    def requeue(self, delivery: Delivery) -> None:
        """Put a delivery back into its queue, which counts it as one more failed delivery."""
        ...


class Writer:
    """Writes batches until stopped; while the database is away it keeps its batch and tries again.

    A batch that is not written when the stop comes is not settled, so the broker delivers it again.
    Nor is what a lost connection had delivered: the broker has given it to somebody else.
    """

    def __init__(self, inbox: Inbox, write: Write, consumer: Settles) -> None:
        self._inbox = inbox
        self._write = write
        self._consumer = consumer

    def run(self, stop: Stop) -> None:
        """Write until `stop` is set.

        Raises what a defect raises; what it left of the batch is requeued.
        """
        while not stop.is_set():
            batch = self._current(self._inbox.take_batch(IDLE_SECONDS))
            if batch:
                self._write_and_settle(batch, stop)

    def wake(self) -> None:
        """See a stop at once; any thread may call it."""
        self._inbox.wake()

    def _write_and_settle(self, batch: Sequence[Delivery], stop: Stop) -> None:
        pending = deque(batch)
        try:
            retry_until_stopped(partial(self._write_current, pending), stop, _RETRIED, _log_failure)
        except DatabaseUnavailableError as error:
            log.warning("batch_not_stored", size=len(pending), error=str(error))
        except Exception:
            # Without an answer they would count as in hand for as long as the connection lasts.
            for delivery in pending:
                self._consumer.requeue(delivery)
            self._settle_all_but(pending, batch)
            raise
        self._settle_all_but(pending, batch)

    def _settle_all_but(self, pending: Iterable[Delivery], batch: Sequence[Delivery]) -> None:
        left = {delivery.tag for delivery in pending}
        if done := [each for each in batch if each.tag not in left]:
            self._consumer.settle(done)

    def _write_current(self, pending: "deque[Delivery]") -> None:
        current = self._current(pending)
        if len(current) < len(pending):
            pending.clear()
            pending.extend(current)
        if pending:
            self._write(pending)

    def _current(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        current = [delivery for delivery in deliveries if self._consumer.is_current(delivery)]
        if dropped := len(deliveries) - len(current):
            log.info("stale_deliveries_dropped", count=dropped)
        return current


def _log_failure(attempt: int, error: BaseException) -> None:
    log.warning("database_unavailable", attempt=attempt, error=str(error))
