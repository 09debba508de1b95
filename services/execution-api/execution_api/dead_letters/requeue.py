"""Giving an execution that the platform failed another chance."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import structlog

from execution_api.dead_letters.repository import DeadLetterRepository, RequeueBlocker
from execution_api.errors import (
    CallRefusedError,
    ConflictError,
    DeadLetterNotFoundError,
    SessionBusyError,
    UnavailableError,
)
from execution_api.outbox.outbox import StoredRequest
from runlet.clock import Clock
from runlet.execution import Reason, Status

log = structlog.get_logger()

# What was in the way may be gone before it is looked for.
TRIES = 5

Publish = Callable[[StoredRequest], None]


def leave_to_relay(_request: StoredRequest) -> None:
    """Hand nothing over: the relay publishes a committed request within a few seconds."""


@dataclass(frozen=True)
class Requeuer:
    """Requeues dead letters: the one way out of a terminal status."""

    repository: DeadLetterRepository
    publish: Publish
    clock: Clock

    def requeue(self, letter_id: UUID, traceparent: str) -> StoredRequest:
        """Queue the letter's execution for its next attempt; the letter is gone then.

        Raises DeadLetterNotFoundError, and ConflictError when it cannot be requeued.
        """
        for _ in range(TRIES):
            request = self.repository.requeue(letter_id, self.clock.now(), traceparent)
            if request is not None:
                return self._send(request)
            if refusal := _refusal(self.repository.find_blocker(letter_id)):
                raise refusal
        raise UnavailableError(
            "This session's executions change too fast. Try to requeue again.", 1
        )

    def _send(self, request: StoredRequest) -> StoredRequest:
        log.info(
            "execution_requeued",
            execution_id=str(request.execution_id),
            status=Status.QUEUED,
            attempt=request.attempt,
            queued_at=request.queued_at.isoformat(),
        )
        self.publish(request)
        return request


def _refusal(blocker: RequeueBlocker | None) -> CallRefusedError | None:
    """Why the letter cannot be requeued; None when nothing is in the way any more."""
    if blocker is None:
        return DeadLetterNotFoundError()
    if blocker.execution_id is None:
        return ConflictError("This dead letter belongs to no execution. It can only be deleted.")
    if blocker.status is None:
        return ConflictError(
            "The execution of this dead letter is not there any more. Delete the letter."
        )
    if (blocker.status, blocker.reason) != (Status.FAILED, Reason.INFRASTRUCTURE):
        return _not_failed(blocker.execution_id, blocker.status, blocker.reason)
    if blocker.active_id is not None and blocker.active_status is not None:
        return SessionBusyError(blocker.active_id, blocker.active_status)
    return None


def _not_failed(execution_id: UUID, status: Status, reason: Reason | None) -> ConflictError:
    state = " with ".join(filter(None, (status, reason)))
    return ConflictError(
        f"The execution of this dead letter is {state}. Only one that is {Status.FAILED} with "
        f"{Reason.INFRASTRUCTURE} can be requeued. Delete the letter when it is of no use.",
        execution_id,
        status,
    )
