"""Writing a batch: together where that is possible, else one after the other."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

import structlog

from result_collector.ingest import pending_writes
from result_collector.ingest.pending_writes import PendingWrite
from result_collector.ingest.store import EVENT_ERRORS, Store, Stored
from result_collector.ingest.store_tracing import storing
from runlet.clock import Clock
from runlet.execution import FeedbackNote
from runlet_amqp.consumer import Delivery
from runlet_telemetry.tracing import Tracer

log = structlog.get_logger()


# Gives what the loop guard finds, by execution; raises DatabaseUnavailableError.
FindLoops = Callable[[Sequence[UUID]], Mapping[UUID, Sequence[FeedbackNote]]]


def find_no_loops(_execution_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[FeedbackNote]]:
    """Look for none: LOOP_GUARD is not `warn`."""
    return {}


class BatchWriter:
    """Stores deliveries, and hands on what became of each as soon as it is committed, once.

    For one thread at a time.
    """

    def __init__(
        self,
        store: Store,
        on_stored: Callable[[Stored], None],
        tracer: Tracer,
        clock: Clock,
        find_loops: FindLoops = find_no_loops,
    ) -> None:
        self._store = store
        self._find_loops = find_loops
        self._on_stored = on_stored
        self._tracer = tracer
        self._clock = clock

    def write(self, batch: "deque[Delivery]") -> None:
        """Store a batch, and take out of it what is stored.

        Raises DatabaseUnavailableError when the database cannot be used now; what is left in the
        batch is then not stored.
        """
        with storing(self._tracer, tuple(batch)) as delivered:
            # Whatever can be done before a transaction holds locks is done before.
            now = self._clock.now()
            writes = self._explain([pending_writes.read(delivery, now) for delivery in delivered])
            stored = self._write_together(writes)
            if stored is None:
                self._write_each(batch, writes)
                return
        batch.clear()
        writes.clear()
        while stored:
            self._hand_on(stored.popleft())

    def _explain(self, writes: list[PendingWrite]) -> list[PendingWrite]:
        """Add what is found in programs that met a limit to what is said of their ends."""
        changes = [each.change for each in writes if each.change and each.change.may_have_looped]
        if not changes:
            return writes
        found = self._find_loops([change.execution_id for change in changes])
        return [_explained(each, found) for each in writes]

    def _write_together(self, writes: Sequence[PendingWrite]) -> "deque[Stored] | None":
        """None when one of several can never be stored."""
        if len(writes) == 1:
            return deque([self._store.apply_or_refuse(writes[0])])
        try:
            return deque(self._store.apply(writes))
        except EVENT_ERRORS as error:
            log.warning("batch_split", size=len(writes), error=str(error))
            return None

    def _write_each(self, batch: "deque[Delivery]", writes: Sequence[PendingWrite]) -> None:
        for write in writes:
            stored = self._store.apply_or_refuse(write)
            batch.popleft()
            self._hand_on(stored)

    def _hand_on(self, stored: Stored) -> None:
        """It is committed, so a defect here is no reason to store it again, or to stop."""
        try:
            self._on_stored(stored)
        except Exception:
            log.exception("stored_delivery_failed", traceparent=stored.traceparent)


def _explained(write: PendingWrite, found: Mapping[UUID, Sequence[FeedbackNote]]) -> PendingWrite:
    change = write.change
    if change is None or not change.may_have_looped:
        return write
    return replace(write, change=change.with_feedback(found.get(change.execution_id, ())))
