"""The vocabulary of the services: commands imperative, events in the past tense."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from runlet.execution import Reason, Status
from runlet.limits import Limits


class InvalidMessageError(Exception):
    """A message whose type is unknown or whose body does not fit its type."""


@dataclass(frozen=True)
class File:
    """A file beside the program; `content` is text, or base64 when `encoding` says so."""

    name: str
    content: str
    encoding: Literal["utf8", "base64"] = "utf8"


@dataclass(frozen=True)
class RunRequested:
    """Run this program.

    `attempt` counts from 1. `first_attempt` is the one this request was sent out with: the retries
    of a request that somebody sent again count from there.
    """

    execution_id: UUID
    session_id: UUID
    language: str
    source_code: str
    limits: Limits
    queued_at: datetime
    stdin: str = ""
    args: tuple[str, ...] = ()
    files: tuple[File, ...] = ()
    attempt: int = 1
    first_attempt: int = 1


@dataclass(frozen=True)
class CompileResult:
    """What the compiler said; time in ms."""

    exit_code: int | None
    stdout: str
    stderr: str
    time_ms: int


@dataclass(frozen=True)
class RunResult:
    """What a program did: output decoded, times in ms, memory in KiB."""

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


@dataclass(frozen=True)
class ExecutionStarted:
    """A runner has begun an attempt."""

    execution_id: UUID
    session_id: UUID
    attempt: int
    started_at: datetime
    runner: str


@dataclass(frozen=True)
class ExecutionFinished:
    """An attempt reached a terminal status; `detail` is a sentence when the platform failed.

    `language` tells how to read what the program or its compiler said.
    """

    execution_id: UUID
    session_id: UUID
    attempt: int
    status: Status
    reason: Reason | None
    started_at: datetime | None
    finished_at: datetime
    result: RunResult = field(default_factory=RunResult)
    detail: str | None = None
    language: str = ""


@dataclass(frozen=True)
class ExecutionRetrying:
    """An attempt failed through no fault of the program and another follows."""

    execution_id: UUID
    session_id: UUID
    attempt: int
    at: datetime
    detail: str
    delay_seconds: int


@dataclass(frozen=True)
class CancelRequested:
    """Stop this execution, whoever runs it, and do not begin it any more."""

    execution_id: UUID
    at: datetime


@dataclass(frozen=True)
class FeedbackNote:
    """A remark for people about an execution; `line` counts from 1 in the program."""

    kind: str
    line: int | None
    message: str


@dataclass(frozen=True)
class ExecutionEnded:
    """A terminal execution, whole, as it was just stored; times in ms, memory in KiB."""

    execution_id: UUID
    session_id: UUID
    language: str
    status: Status
    reason: Reason | None
    attempts: int
    limits: Limits
    feedback: tuple[FeedbackNote, ...]
    result: RunResult
    created_at: datetime
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime


@dataclass(frozen=True)
class ExecutionOutput:
    """What a running program printed: `text` follows after `offset` characters of the stream.

    Text and offsets are those of the decoded output as the result will have it.
    """

    execution_id: UUID
    attempt: int
    stream: Literal["stdout", "stderr"]
    offset: int
    text: str


@dataclass(frozen=True)
class CallbackRequested:
    """Tell the platform how this execution ended. `attempt` counts from 1."""

    execution_id: UUID
    attempt: int = 1


Event = ExecutionStarted | ExecutionFinished | ExecutionRetrying
Message = (
    RunRequested | CancelRequested | CallbackRequested | ExecutionEnded | ExecutionOutput | Event
)

TYPES: dict[str, type[Message]] = {
    "run.requested.v1": RunRequested,
    "execution.started.v1": ExecutionStarted,
    "execution.finished.v1": ExecutionFinished,
    "execution.retrying.v1": ExecutionRetrying,
    "execution.ended.v1": ExecutionEnded,
    "execution.output.v1": ExecutionOutput,
    "cancel.requested.v1": CancelRequested,
    "callback.requested.v1": CallbackRequested,
}
TYPE_NAMES: dict[type[Message], str] = {cls: name for name, cls in TYPES.items()}


def encode(message: Message) -> bytes:
    """The message as JSON in UTF-8."""
    return msgspec.json.encode(message)


def decode(type_name: str | None, body: bytes) -> Message:
    """Read a message back.

    Raises InvalidMessageError for an unknown type or version, and for a body that does not fit.
    """
    message_type = TYPES.get(type_name or "")
    if message_type is None:
        raise InvalidMessageError(f"The message type {type_name!r} is not known.")
    try:
        return msgspec.json.decode(body, type=message_type)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidMessageError(f"The body is no {type_name}: {error}") from error
