"""Cancelling an execution: in the database first, then wherever it is."""

from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from uuid import UUID

import msgspec
import structlog
from sqlalchemy import RowMapping

from execution_api.executions.cancel_repository import CancellationRepository
from execution_api.runs import conflicts
from runlet.clock import Clock
from runlet.execution import TERMINAL, ExecutionResult, FeedbackNote, Reason, Status
from runlet.limits import Limits
from runlet.messages import CallbackRequested, CancelRequested, ExecutionEnded
from runlet_amqp import envelopes
from runlet_amqp.envelopes import Envelope
from runlet_amqp.publisher import Publisher
from runlet_http.problems import not_found, unavailable
from runlet_telemetry.metrics import RUNS_FINISHED

log = structlog.get_logger()

# A dead letter's execution may be requeued between the refused change and the question why.
TRIES = 5


@dataclass(frozen=True)
class CancelledExecution:
    """An execution after it was cancelled: RUNNING until its runner has stopped it."""

    execution_id: UUID
    status: Status


@dataclass(frozen=True)
class Cancelling:
    """Cancels executions, and tells runners and waiters of it without waiting for the broker.

    What a runner does not hear now, it hears later: the collector repeats what was not obeyed.
    """

    repository: CancellationRepository
    publisher: Publisher
    clock: Clock

    def cancel(self, execution_id: UUID, traceparent: str) -> CancelledExecution:
        """Cancel an active execution; cancelling it again while it runs is fine.

        Raises ProblemError: 404 when there is no such execution, 409 when it is over.
        """
        for _ in range(TRIES):
            row = self.repository.cancel(execution_id, self.clock.now())
            if row is not None:
                return self._cancelled(row, traceparent)
            self._refuse_unless_active(execution_id)
        raise unavailable("This execution changes too fast. Try to cancel it again.", 1)

    def _refuse_unless_active(self, execution_id: UUID) -> None:
        status = self.repository.status(execution_id)
        if status is None:
            raise not_found("execution")
        if status in TERMINAL:
            raise conflicts.of(
                execution_id,
                status,
                f"This execution is over already: it is {status}. Nothing is left to cancel.",
            )

    def _cancelled(self, row: RowMapping, traceparent: str) -> CancelledExecution:
        status = Status(row["status"])
        log.info(
            "execution_cancelled" if status == Status.CANCELLED else "execution_cancel_requested",
            execution_id=str(row["id"]),
            session_id=str(row["session_id"]),
            status=status,
        )
        # Also for what was queued: a runner may have taken it a moment ago.
        cancel = CancelRequested(row["id"], self.clock.now())
        self._publish(envelopes.cancellation(cancel, traceparent))
        if status == Status.CANCELLED:
            RUNS_FINISHED.labels(row["language"], status, Reason.CANCELLED).inc()
            self._publish(envelopes.ended(_ended(row), traceparent))
        if row["callback_attempt"] is not None:
            asked = CallbackRequested(row["id"], row["callback_attempt"])
            self._publish(envelopes.callback(asked, traceparent))
        return CancelledExecution(row["id"], status)

    def _publish(self, message: Envelope) -> None:
        future = self.publisher.publish(message)
        future.add_done_callback(partial(_report, message))


def _report(message: Envelope, future: "Future[None]") -> None:
    error = future.exception()
    if error is not None:
        log.warning(
            "cancellation_not_told",
            execution_id=message.execution_id,
            type=message.type,
            error=str(error),
        )


def _ended(row: RowMapping) -> ExecutionEnded:
    """An execution that was cancelled before it began, so it has no result."""
    return ExecutionEnded(
        execution_id=row["id"],
        session_id=row["session_id"],
        language=row["language"],
        status=Status.CANCELLED,
        reason=Reason.CANCELLED,
        attempts=row["attempts"],
        limits=msgspec.convert(row["limits"], Limits),
        feedback=msgspec.convert(row["feedback"], tuple[FeedbackNote, ...]),
        result=ExecutionResult(),
        created_at=row["created_at"],
        queued_at=row["queued_at"],
        started_at=None,
        finished_at=row["finished_at"],
    )
