"""Looking for executions that are stuck, whatever was lost on the way."""

from collections.abc import Collection
from typing import Protocol
from uuid import UUID

import structlog

from result_collector.ingest.completion_publisher import Completions, Publishes
from result_collector.reconciliation.queue_inspector import IdleLanguages, QueueSnapshot
from result_collector.reconciliation.repository import Reconciled, Reconciliation
from result_collector.reconciliation.stuck_executions import BATCH_SIZE
from runlet.backoff import Stop
from runlet.execution import TERMINAL
from runlet_amqp import envelopes
from runlet_amqp.errors import BrokerUnavailableError
from runlet_telemetry import tracing
from runlet_telemetry.metrics import RECONCILED
from runlet_telemetry.tracing import OFF, Kind, Span, Tracer

log = structlog.get_logger()

# A turn is bounded, so that cancellations are repeated in time.
MAX_BATCHES = 20


class InspectsQueues(Protocol):
    """The part of result_collector.reconciliation.queue_inspector.QueueInspector used here."""

    def inspect(self) -> QueueSnapshot:
        """Look into the queues. Raises BrokerUnavailableError when that fails."""
        ...


class Reconciler:
    """Settles what is stuck while the queues cannot hold the explanation.

    Events that are not stored yet are no loss, so nothing is done before the collector's queues
    were found empty twice in a row.
    """

    def __init__(
        self,
        queues: InspectsQueues,
        idle_languages: IdleLanguages,
        reconciliation: Reconciliation,
        publisher: Publishes,
        completions: Completions,
        tracer: Tracer = OFF,
    ) -> None:
        self._queues = queues
        self._idle_languages = idle_languages
        self._reconciliation = reconciliation
        self._publisher = publisher
        self._completions = completions
        self._tracer = tracer
        self._was_drained = False

    def turn(self, stop: Stop) -> None:
        """Inspect the queues once, and act on what the snapshots so far agree on.

        Raises BrokerUnavailableError or of SQLAlchemy's errors when a server is away.
        """
        was_drained, self._was_drained = self._was_drained, False
        snapshot = self._inspect()
        idle = self._idle_languages.note(snapshot.idle_languages)
        self._repeat_cancellations()
        overtaken = self._reconciliation.find_overtaken()
        if was_drained and snapshot.drained:
            self._settle(idle, overtaken, stop)
        # Last: what was seen before an outage says nothing of the time after it.
        self._was_drained = snapshot.drained

    def _inspect(self) -> QueueSnapshot:
        try:
            return self._queues.inspect()
        except BrokerUnavailableError:
            self._idle_languages.note(())
            raise

    def _repeat_cancellations(self) -> None:
        for unanswered in self._reconciliation.unanswered_cancellations():
            cancel, traceparent = unanswered.cancel, unanswered.traceparent
            self._publisher.publish(envelopes.cancellation(cancel, traceparent))
            with tracing.logged(traceparent):
                log.info("cancellation_repeated", execution_id=str(cancel.execution_id))

    def _settle(
        self, idle_languages: Collection[str], overtaken: Collection[UUID], stop: Stop
    ) -> None:
        """What is left after MAX_BATCHES is settled in the next turn, by fresh snapshots."""
        for _ in range(MAX_BATCHES):
            batch = self._reconciliation.settle_batch(idle_languages, overtaken)
            for reconciled in batch:
                self._report(reconciled)
            if len(batch) < BATCH_SIZE or stop.is_set():
                return

    def _report(self, reconciled: Reconciled) -> None:
        with tracing.active(self._begin(reconciled)) as span:
            self._publish(reconciled, span.traceparent)

    def _begin(self, reconciled: Reconciled) -> Span:
        return self._tracer.begin(
            "reconcile",
            Kind.INTERNAL,
            reconciled.row["traceparent"],
            {
                "runlet.execution_id": str(reconciled.change.execution_id),
                "runlet.attempt": reconciled.change.attempt,
                "runlet.outcome": reconciled.outcome,
            },
        )

    def _publish(self, reconciled: Reconciled, traceparent: str) -> None:
        change = reconciled.change
        if change.status in TERMINAL:
            self._completions.publish(reconciled.row, traceparent)
        RECONCILED.labels(reconciled.outcome).inc()
        log.warning(
            "execution_reconciled",
            execution_id=str(change.execution_id),
            session_id=str(reconciled.row["session_id"]),
            outcome=reconciled.outcome,
            status=change.status,
            reason=change.reason,
            attempt=change.attempt,
        )
