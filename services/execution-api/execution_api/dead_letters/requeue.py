"""Giving an execution that the platform failed another chance."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import structlog

from execution_api.dead_letters.repository import DeadLetterRepository, Obstacle
from execution_api.outbox.outbox import StoredRequest
from execution_api.runs import conflicts
from runlet.clock import Clock
from runlet.execution import Reason, Status
from runlet_http.problems import ProblemError, not_found, unavailable

log = structlog.get_logger()

# What was in the way may be gone before it is looked for.
TRIES = 5

HandOver = Callable[[StoredRequest], None]


def leave_to_relay(_request: StoredRequest) -> None:
    """Hand nothing over: the relay publishes a committed request within a few seconds."""


@dataclass(frozen=True)
class Requeueing:
    """Requeues dead letters: the one way out of a terminal status."""

    repository: DeadLetterRepository
    hand_over: HandOver
    clock: Clock

    def requeue(self, letter_id: UUID, traceparent: str) -> StoredRequest:
        """Queue the letter's execution for its next attempt; the letter is gone then.

        Raises ProblemError: 404 for an unknown letter, 409 when it cannot be requeued.
        """
        for _ in range(TRIES):
            request = self.repository.requeue(letter_id, self.clock.now(), traceparent)
            if request is not None:
                return self._send(request)
            if problem := _problem(self.repository.find_obstacle(letter_id)):
                raise problem
        raise unavailable("This session's executions change too fast. Try to requeue again.", 1)

    def _send(self, request: StoredRequest) -> StoredRequest:
        log.info(
            "execution_requeued",
            execution_id=str(request.execution_id),
            status=Status.QUEUED,
            attempt=request.attempt,
            queued_at=request.queued_at.isoformat(),
        )
        self.hand_over(request)
        return request


def _problem(obstacle: Obstacle | None) -> ProblemError | None:
    """Why the letter cannot be requeued; None when nothing is in the way any more."""
    if obstacle is None:
        return not_found("dead letter")
    if obstacle.execution_id is None:
        return ProblemError(
            409, "This dead letter belongs to no execution. It can only be deleted."
        )
    if obstacle.status is None:
        return ProblemError(
            409, "The execution of this dead letter is not there any more. Delete the letter."
        )
    if (obstacle.status, obstacle.reason) != (Status.FAILED, Reason.INFRASTRUCTURE):
        return _not_failed(obstacle.execution_id, obstacle.status, obstacle.reason)
    if obstacle.active_id is not None and obstacle.active_status is not None:
        return conflicts.already_active(obstacle.active_id, obstacle.active_status)
    return None


def _not_failed(execution_id: UUID, status: Status, reason: Reason | None) -> ProblemError:
    state = " with ".join(filter(None, (status, reason)))
    return conflicts.of(
        execution_id,
        status,
        f"The execution of this dead letter is {state}. Only one that is {Status.FAILED} with "
        f"{Reason.INFRASTRUCTURE} can be requeued. Delete the letter when it is of no use.",
    )
