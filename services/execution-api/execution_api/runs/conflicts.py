"""Why a call does not fit the state an execution is in."""

from uuid import UUID

from execution_api.runs.rate_limits import Cause
from runlet.execution import Status
from runlet_http.problems import ProblemError


def already_active(execution_id: UUID, status: Status) -> ProblemError:
    """A 409 for a session that has this active execution."""
    return of(
        execution_id,
        status,
        f"This session has an execution that is still {status}. Wait for it to end.",
        Cause.ACTIVE,
    )


def of(execution_id: UUID, status: Status, detail: str, cause: str = "") -> ProblemError:
    """A 409 that names the execution in the way, and its status."""
    extra = {"execution_id": str(execution_id), "status": status}
    return ProblemError(409, detail, extra=extra, cause=cause)
