"""Looking for executions that are stuck, whatever was lost on the way."""

from collections.abc import Collection
from typing import Protocol
from uuid import UUID

import structlog

from result_collector.ingest.completion_publisher import Publishes, Tells
from result_collector.reconciliation.queue_inspector import IdleLanguages, Look
from result_collector.reconciliation.repository import Reconciled, Reconciliation
from result_collector.reconciliation.stuck_executions import BATCH_SIZE
from runlet.execution import TERMINAL
from runlet_amqp import envelopes
from runlet_amqp.errors import BrokerUnavailableError
from runlet_telemetry import tracing
from runlet_telemetry.metrics import RECONCILED
from runlet_telemetry.tracing import OFF, Kind, Span, Tracer

log = structlog.get_logger()


class Looks(Protocol):
    """The part of result_collector.reconciliation.queue_inspector.Queues that is used here."""

    def look(self) -> Look:
        """Look into the queues. Raises BrokerUnavailableError when that fails."""
        ...


class Reconciler:
    """Settles what is overdue while the queues cannot hold the explanation.

    Events that are not stored yet are no loss, so nothing is done before the collector's queues
    were found empty twice in a row.
    """

    def __init__(
        self,
        queues: Looks,
        idle_languages: IdleLanguages,
        reconciliation: Reconciliation,
        publisher: Publishes,
        endings: Tells,
        tracer: Tracer = OFF,
    ) -> None:
        self._queues = queues
        self._idle_languages = idle_languages
        self._reconciliation = reconciliation
        self._publisher = publisher
        self._endings = endings
        self._tracer = tracer
        self._was_drained = False

    def turn(self) -> None:
        """Look once, and act on what the looks so far agree on.

        Raises BrokerUnavailableError or of SQLAlchemy's errors when a server is away.
        """
        was_drained, look = self._was_drained, self._look()
        self._was_drained = look.drained
        idle = self._idle_languages.note(look.idle_languages)
        self._repeat_cancellations()
        overtaken = self._reconciliation.find_overtaken()
        if was_drained and look.drained:
            self._settle(idle, overtaken)

    def _look(self) -> Look:
        try:
            return self._queues.look()
        except BrokerUnavailableError:
            self._was_drained = False
            self._idle_languages.note(())
            raise

    def _repeat_cancellations(self) -> None:
        for unheard in self._reconciliation.unheard_cancellations():
            cancel, traceparent = unheard.cancel, unheard.traceparent
            self._publisher.publish(envelopes.cancellation(cancel, traceparent))
            with tracing.logged(traceparent):
                log.info("cancellation_repeated", execution_id=str(cancel.execution_id))

    def _settle(self, idle_languages: Collection[str], overtaken: Collection[UUID]) -> None:
        size = BATCH_SIZE
        while size == BATCH_SIZE:
            batch = self._reconciliation.settle_batch(idle_languages, overtaken)
            for reconciled in batch:
                self._report(reconciled)
            size = len(batch)

    def _report(self, reconciled: Reconciled) -> None:
        with tracing.active(self._begin(reconciled)) as span:
            self._tell(reconciled, span.traceparent)

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

    def _tell(self, reconciled: Reconciled, traceparent: str) -> None:
        change = reconciled.change
        if change.status in TERMINAL:
            self._endings.tell(reconciled.row, traceparent)
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
