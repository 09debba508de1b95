"""Cancelling an execution: in the database first, then wherever it is."""

from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from uuid import UUID

import structlog
from sqlalchemy import RowMapping

from execution_api.errors import ConflictError, ExecutionNotFoundError, UnavailableError
from execution_api.executions.cancel_repository import CancellationRepository
from runlet.clock import Clock
from runlet.execution import TERMINAL, Reason, Status
from runlet.messages import CallbackRequested, CancelRequested, ExecutionEnded
from runlet_amqp import envelopes
from runlet_amqp.envelopes import Envelope
from runlet_amqp.publisher import Publisher
from runlet_postgres.execution_rows import read_row
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
class Canceller:
    """Cancels executions, and publishes it to runners and waiters without waiting for the broker.

    A cancellation that does not reach its runner now is repeated by the collector.
    """

    repository: CancellationRepository
    publisher: Publisher
    clock: Clock

    def cancel(self, execution_id: UUID, traceparent: str) -> CancelledExecution:
        """Cancel an active execution; cancelling it again while it runs is fine.

        Raises ExecutionNotFoundError, and ConflictError when it is over.
        """
        for _ in range(TRIES):
            row = self.repository.cancel(execution_id, self.clock.now())
            if row is not None:
                return self._cancelled(row, traceparent)
            self._refuse_unless_active(execution_id)
        raise UnavailableError("This execution changes too fast. Try to cancel it again.", 1)

    def _refuse_unless_active(self, execution_id: UUID) -> None:
        status = self.repository.status(execution_id)
        if status is None:
            raise ExecutionNotFoundError
        if status in TERMINAL:
            raise ConflictError(
                f"This execution is over already: it is {status}. Nothing is left to cancel.",
                execution_id,
                status,
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
        cancel = CancelRequested(row["id"], self.clock.now(), row["newest_attempt"])
        self._publish(envelopes.cancellation(cancel, traceparent))
        if status == Status.CANCELLED:
            RUNS_FINISHED.labels(row["language"], status, Reason.CANCELLED).inc()
            self._publish(envelopes.ended(read_row(row, ExecutionEnded), traceparent))
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
            "cancellation_publish_failed",
            execution_id=message.execution_id,
            type=message.type,
            error=str(error),
        )
