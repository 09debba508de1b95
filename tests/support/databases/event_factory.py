"""What a runner would tell of a request."""

from datetime import UTC, datetime
from typing import Any, Literal

from runlet.execution import ExecutionResult, Reason, Status, status_for
from runlet.messages import (
    ExecutionFinished,
    ExecutionOutput,
    ExecutionRetrying,
    ExecutionStarted,
    RunRequested,
)


def started(request: RunRequested, attempt: int = 1) -> ExecutionStarted:
    """An attempt begins now."""
    return ExecutionStarted(
        request.execution_id, request.session_id, attempt, datetime.now(UTC), "runner-1"
    )


def retrying(request: RunRequested, attempt: int = 1) -> ExecutionRetrying:
    """An attempt failed now, and another follows."""
    return ExecutionRetrying(
        request.execution_id,
        request.session_id,
        attempt,
        datetime.now(UTC),
        "The sandbox did not start.",
        2,
    )


def printed(
    request: RunRequested,
    text: str,
    offset: int = 0,
    *,
    stream: Literal["stdout", "stderr"] = "stdout",
    attempt: int = 1,
) -> ExecutionOutput:
    """A running attempt printed this after `offset` characters."""
    return ExecutionOutput(request.execution_id, attempt, stream, offset, text)


def finished(
    request: RunRequested, attempt: int = 1, reason: Reason | None = None, **result: Any
) -> ExecutionFinished:
    """An attempt ends now, for `reason`."""
    now = datetime.now(UTC)
    status: Status = status_for(reason)
    return ExecutionFinished(
        execution_id=request.execution_id,
        session_id=request.session_id,
        attempt=attempt,
        status=status,
        reason=reason,
        started_at=now,
        finished_at=now,
        result=ExecutionResult(**{"exit_code": 0, "execution_time_ms": 12, **result}),
    )
