"""The execution: its fields, its statuses, and the transitions between them.

The tables, the statements that change them, the messages, the OpenAPI document and the callback
read their lists from here.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import get_args, get_type_hints
from uuid import UUID

from runlet.limits import Limits


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


FIRST_ATTEMPT = 1

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


@dataclass(frozen=True)
class CompileResult:
    """What the compiler printed; time in ms."""

    exit_code: int | None
    stdout: str
    stderr: str
    time_ms: int


def _shown(description: str, example: object) -> dict[str, object]:
    return {"description": description, "example": example}


@dataclass(frozen=True)
class ExecutionResult:
    """What a program did: output decoded, times in ms, memory in KiB.

    This is the one list of result fields. The columns, the messages, the callback and the API's
    document follow from it, in this order, with what is said here of each field.
    """

    stdout: str = field(default="", metadata=_shown("What the program printed.", "42\n"))
    stderr: str = field(default="", metadata=_shown("What it printed to standard error.", ""))
    stdout_truncated: bool = field(
        default=False, metadata=_shown("Whether stdout was cut off.", False)
    )
    stderr_truncated: bool = field(
        default=False, metadata=_shown("Whether stderr was cut off.", False)
    )
    exit_code: int | None = field(
        default=None, metadata=_shown("Null when a signal ended the program.", 0)
    )
    signal: int | None = field(
        default=None, metadata=_shown("The signal that ended the program.", None)
    )
    execution_time_ms: int | None = field(
        default=None, metadata=_shown("Wall-clock time of the run.", 12)
    )
    cpu_time_ms: int | None = field(default=None, metadata=_shown("CPU time of the run.", 10))
    memory_peak_kb: int | None = field(
        default=None, metadata=_shown("Most memory in use, in KiB.", 9216)
    )
    compile: CompileResult | None = field(
        default=None,
        metadata=_shown("How compiling went; null where nothing was compiled.", None),
    )


@dataclass(frozen=True)
class ResultField:
    """A field of a result; `type` is that of its values that are not None."""

    name: str
    type: type
    description: str
    example: object


def _result_fields() -> Iterator[ResultField]:
    hints = get_type_hints(ExecutionResult)
    for each in fields(ExecutionResult):
        plain, *_ = (*get_args(hints[each.name]), hints[each.name])
        yield ResultField(each.name, plain, **each.metadata)


RESULT = tuple(_result_fields())
RESULT_FIELDS = tuple(each.name for each in RESULT)


@dataclass(frozen=True)
class FeedbackNote:
    """A remark for people about an execution; `line` counts from 1 in the program."""

    kind: str
    line: int | None
    message: str


@dataclass(frozen=True, kw_only=True)
class Execution:
    """An execution as the API shows it; times in ms, memory in KiB.

    `started_at` is when its last attempt began by the runner's clock. While the execution is not
    over, `result` is empty.
    """

    execution_id: UUID
    session_id: UUID
    language: str
    status: Status
    reason: Reason | None
    result: ExecutionResult = field(default_factory=ExecutionResult)
    feedback: tuple[FeedbackNote, ...]
    attempts: int
    limits: Limits
    created_at: datetime
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


def _shown_fields() -> Iterator[str]:
    for each in fields(Execution):
        yield from RESULT_FIELDS if each.name == "result" else (each.name,)


# The fields of an execution as the API and the callback show them, in this order.
EXECUTION_FIELDS = tuple(_shown_fields())


class LifecycleEvent(StrEnum):
    """What happens to an execution, as its lifecycle names it."""

    QUEUED = "queued"
    STARTED = "started"
    RETRYING = "retrying"
    FINISHED = "finished"
    DEAD_LETTERED = "dead_lettered"
    REPUBLISHED = "republished"
    LOST = "lost"
    CANCEL_REQUESTED = "cancel_requested"
    CANCELLED = "cancelled"
    REQUEUED = "requeued"


class Fence(StrEnum):
    """How the attempt that an event is about has to compare with the `attempts` stored so far.

    This is what keeps an attempt that was overtaken from changing anything.
    """

    NEWER = "newer"
    SAME_OR_NEWER = "same or newer"

    def admits(self, attempt: int, attempts: int) -> bool:
        """Whether an event of `attempt` may change an execution that has begun `attempts`."""
        return attempt > attempts or (self is Fence.SAME_OR_NEWER and attempt == attempts)


@dataclass(frozen=True)
class Transition:
    """What an event makes of an execution with the status `source`.

    `targets` has several statuses where the event itself says which. `only_reason` bounds the
    transition to executions that ended for it.
    """

    event: LifecycleEvent
    source: Status
    targets: frozenset[Status]
    fence: Fence
    only_reason: Reason | None = None


def _transitions(
    event: LifecycleEvent, targets: Collection[Status], *, queued: Fence, running: Fence
) -> tuple[Transition, ...]:
    return tuple(
        Transition(event, source, frozenset(targets), fence)
        for source, fence in ((Status.QUEUED, queued), (Status.RUNNING, running))
    )


_NEWER, _SAME_OR_NEWER = Fence.NEWER, Fence.SAME_OR_NEWER

# Everything that can happen to a stored execution; what is not listed changes nothing. An execution
# that is queued with attempts behind it waits for the next one, so no event of those changes it.
# The reconciler works on executions that it has locked and numbers what it does, and so may end
# or queue again what waits with its attempts behind it.
TRANSITIONS: tuple[Transition, ...] = (
    *_transitions(LifecycleEvent.STARTED, [Status.RUNNING], queued=_NEWER, running=_NEWER),
    *_transitions(LifecycleEvent.RETRYING, [Status.QUEUED], queued=_NEWER, running=_SAME_OR_NEWER),
    *_transitions(LifecycleEvent.FINISHED, TERMINAL, queued=_NEWER, running=_SAME_OR_NEWER),
    *_transitions(
        LifecycleEvent.DEAD_LETTERED, [Status.FAILED], queued=_NEWER, running=_SAME_OR_NEWER
    ),
    *_transitions(
        LifecycleEvent.REPUBLISHED, [Status.QUEUED], queued=_SAME_OR_NEWER, running=_SAME_OR_NEWER
    ),
    *_transitions(
        LifecycleEvent.LOST, [Status.FAILED], queued=_SAME_OR_NEWER, running=_SAME_OR_NEWER
    ),
    *_transitions(
        LifecycleEvent.CANCELLED,
        [Status.CANCELLED],
        queued=_SAME_OR_NEWER,
        running=_SAME_OR_NEWER,
    ),
    Transition(
        LifecycleEvent.CANCEL_REQUESTED,
        Status.RUNNING,
        frozenset({Status.RUNNING}),
        _SAME_OR_NEWER,
    ),
    Transition(
        LifecycleEvent.REQUEUED,
        Status.FAILED,
        frozenset({Status.QUEUED}),
        _SAME_OR_NEWER,
        only_reason=Reason.INFRASTRUCTURE,
    ),
)


def transitions_of(event: LifecycleEvent) -> tuple[Transition, ...]:
    """The transitions that an event can make, one for each status it may find."""
    return tuple(each for each in TRANSITIONS if each.event is event)
