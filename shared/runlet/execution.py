"""The states of an execution and the moves between them."""

from enum import StrEnum


class Status(StrEnum):
    """Where an execution is in its life."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    TIMEOUT = "TIMEOUT"
    CANCELLED = "CANCELLED"


class Reason(StrEnum):
    """Why an execution ended other than by exit code 0."""

    NONZERO_EXIT = "nonzero_exit"
    SIGNAL = "signal"
    MEMORY_LIMIT = "memory_limit"
    OUTPUT_LIMIT = "output_limit"
    COMPILE_ERROR = "compile_error"
    INFRASTRUCTURE = "infrastructure"
    LOST = "lost"
    TIME_LIMIT = "time_limit"
    CANCELLED = "cancelled"


ACTIVE = frozenset({Status.QUEUED, Status.RUNNING})
TERMINAL = frozenset(Status) - ACTIVE

STATUS_OF_REASON = {
    Reason.TIME_LIMIT: Status.TIMEOUT,
    Reason.CANCELLED: Status.CANCELLED,
}


def status_for(reason: Reason | None) -> Status:
    """The terminal status that goes with a reason; no reason means success."""
    if reason is None:
        return Status.COMPLETED
    return STATUS_OF_REASON.get(reason, Status.FAILED)
