"""The messages that services send each other.

A field that a version adds has a default, so that messages of the version before can be read.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from runlet.execution import Execution, ExecutionResult, Reason, Status
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
class ExecutionStarted:
    """A runner has begun an attempt, and it lasts: of a short one `finished` tells the start too.

    `runner`, `container` and `image` say where it runs, by name, short id and reference.
    """

    execution_id: UUID
    session_id: UUID
    attempt: int
    started_at: datetime
    runner: str
    container: str = ""
    image: str = ""


@dataclass(frozen=True)
class ExecutionFinished:
    """An attempt reached a terminal status; `detail` is a sentence when the platform failed.

    `language` tells how to read what the program or its compiler printed. `started_at`, `runner`,
    `container` and `image` are those of ExecutionStarted, which need not have been sent;
    `started_at` is None for what never began.
    """

    execution_id: UUID
    session_id: UUID
    attempt: int
    status: Status
    reason: Reason | None
    started_at: datetime | None
    finished_at: datetime
    result: ExecutionResult = field(default_factory=ExecutionResult)
    detail: str | None = None
    language: str = ""
    runner: str = ""
    container: str = ""
    image: str = ""


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
    """Stop this execution, whoever runs it, and do not begin it any more.

    `attempt` is the newest that was known: what is sent out later, with a `first_attempt` beyond
    it, is not meant. 0, as from the version before, means any.
    """

    execution_id: UUID
    at: datetime
    attempt: int = 0

    def concerns(self, request: RunRequested) -> bool:
        """Whether this request is to be stopped, or not to be begun."""
        is_meant = self.attempt == 0 or request.first_attempt <= self.attempt
        return request.execution_id == self.execution_id and is_meant


@dataclass(frozen=True, kw_only=True)
class ExecutionEnded(Execution):
    """A terminal execution, whole, as it was just stored; times in ms, memory in KiB."""

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
