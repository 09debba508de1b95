"""What the platform answers, in its own field names. Times are in UTC."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Generic, Literal, TypeVar

T = TypeVar("T")


class Status(StrEnum):
    """Where an execution is in its life."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    TIMEOUT = "TIMEOUT"
    CANCELLED = "CANCELLED"

    @property
    def is_over(self) -> bool:
        """Whether an execution with this status has ended."""
        return self not in (Status.QUEUED, Status.RUNNING)


@dataclass(frozen=True)
class Language:
    """A language on offer; `template_code` only where one language was asked for."""

    id: str
    name: str
    runtime: str
    version: str
    file_name: str
    default_time_limit_ms: int
    default_memory_mb: int
    template_code: str | None = None


@dataclass(frozen=True)
class Session:
    """A program being written; its status is ACTIVE until it is closed, then INACTIVE.

    The fields with defaults are known only after the session was read on its own.
    """

    session_id: str
    status: str
    language: str
    source_code: str
    revision: int
    created_at: datetime
    updated_at: datetime
    language_name: str | None = None
    runtime: str | None = None
    version: str | None = None
    user_id: str | int | None = None
    problem_id: str | int | None = None


@dataclass(frozen=True)
class SavedSession:
    """What saving made of a session."""

    session_id: str
    status: str
    revision: int
    updated_at: datetime


@dataclass(frozen=True)
class ExecutionState:
    """An execution's id and its status at the moment of the answer."""

    execution_id: str
    status: Status


@dataclass(frozen=True)
class ListedExecution:
    """An execution in the list of a session's executions."""

    execution_id: str
    status: Status
    created_at: datetime
    execution_time_ms: int | None = None
    exit_code: int | None = None


@dataclass(frozen=True)
class CompileResult:
    """What the compiler said."""

    stdout: str = ""
    stderr: str = ""
    exit_code: int | None = None
    time_ms: int | None = None


@dataclass(frozen=True)
class Feedback:
    """A remark about the program, for the one who wrote it."""

    kind: str
    message: str
    line: int | None = None


@dataclass(frozen=True)
class Limits:
    """What a run may use."""

    time_limit_ms: int
    memory_limit_mb: int
    output_limit_bytes: int
    processes: int
    scratch_mb: int


@dataclass(frozen=True)
class Execution:
    """An execution, whole; before it is over, the result's fields are at their defaults.

    `exit_code` is None when a signal ended the program. `reason` says why it did not complete.
    """

    execution_id: str
    session_id: str
    language: str
    status: Status
    attempts: int
    created_at: datetime
    reason: str | None = None
    stdout: str = ""
    stderr: str = ""
    stdout_truncated: bool = False
    stderr_truncated: bool = False
    exit_code: int | None = None
    signal: int | None = None
    execution_time_ms: int | None = None
    cpu_time_ms: int | None = None
    memory_peak_kb: int | None = None
    compile: CompileResult | None = None
    feedback: tuple[Feedback, ...] = ()
    limits: Limits | None = None
    queued_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True)
class Event:
    """One step in the life of an execution."""

    type: str
    at: datetime
    attempt: int
    detail: str | None = None


@dataclass(frozen=True)
class StreamEvent:
    """Something an execution did while it was watched.

    `kind` is `stdout` or `stderr` with `text`, or `status` with `status`. The last event of a
    stream has a terminal `status` and, where the server sent it, the whole `execution`.
    """

    kind: Literal["stdout", "stderr", "status"]
    text: str = ""
    status: Status | None = None
    execution: Execution | None = None

    @property
    def is_last(self) -> bool:
        """Whether the stream ends with this event."""
        return self.status is not None and self.status.is_over


@dataclass(frozen=True)
class DeadLetter:
    """A message that the platform gave up; `execution_id` is None when it belongs to nothing."""

    id: str
    reason: str
    attempts: int
    at: datetime
    execution_id: str | None = None


@dataclass(frozen=True)
class Page(Generic[T]):
    """A part of a list, newest first; `next_cursor` asks for the next and is None on the last."""

    items: tuple[T, ...]
    next_cursor: str | None


@dataclass(frozen=True)
class File:
    """A file beside the program: a relative name, folders with /, and its bytes or text."""

    name: str
    content: bytes | str
