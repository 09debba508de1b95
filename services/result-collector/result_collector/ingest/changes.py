"""Events and dead letters as changes of an execution, ready for the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from result_collector.feedback.errors import read_error
from result_collector.feedback.feedback import PLATFORM_REASONS, platform_feedback
from result_collector.ingest import statements
from result_collector.ingest.dead_letters import DeadLetter
from result_collector.ingest.text_sanitizer import storable
from runlet.execution import ExecutionResult, FeedbackNote, LifecycleEvent, Reason, Status
from runlet.messages import Event, ExecutionFinished, ExecutionRetrying, ExecutionStarted
from runlet_postgres.execution_rows import result_values
from runlet_postgres.prepared_statements import Prepared

EXHAUSTED = frozenset({Reason.TIME_LIMIT, Reason.MEMORY_LIMIT, Reason.OUTPUT_LIMIT})


@dataclass(frozen=True)
class Change:
    """A transition of one execution, and the statement that applies it where it may be applied.

    `note` is the event's detail in the lifecycle, and `start_note` that of the attempt's start,
    where an end tells of it.
    """

    event: LifecycleEvent
    execution_id: UUID
    status: Status
    attempt: int
    at: datetime
    statement: Prepared
    reason: Reason | None = None
    note: str | None = None
    new_values: Mapping[str, Any] = field(default_factory=dict)
    start_note: str | None = None

    @property
    def may_have_looped(self) -> bool:
        """Whether this is the end of a program, not of its compiler, by a limit."""
        compiled = self.new_values.get("compile")
        return self.reason in EXHAUSTED and (compiled is None or compiled["exit_code"] == 0)

    def with_feedback(self, notes: Sequence[FeedbackNote]) -> "Change":
        """The same change, with these notes before those there are."""
        feedback = [*msgspec.to_builtins(notes), *self.new_values["feedback"]]
        return replace(self, new_values={**self.new_values, "feedback": feedback})

    @property
    def parameters(self) -> dict[str, Any]:
        """What the statement's parameters stand for."""
        return {
            "execution_id": self.execution_id,
            "at": self.at,
            "attempt": self.attempt,
            "note": self.note,
            "start_note": self.start_note,
            **{f"new_{name}": value for name, value in self.new_values.items()},
        }


def from_event(event: Event) -> Change:
    """What an event changes."""
    match event:
        case ExecutionStarted(execution_id=id_, attempt=attempt, started_at=at):
            name, statement = LifecycleEvent.STARTED, statements.STARTED
            note = _start_note(event)
            return Change(name, id_, Status.RUNNING, attempt, at, statement, note=note)
        case ExecutionRetrying(execution_id=id_, attempt=attempt, at=at):
            name, statement = LifecycleEvent.RETRYING, statements.RETRYING
            note = storable(event.detail)
            return Change(name, id_, Status.QUEUED, attempt, at, statement, note=note)
        case ExecutionFinished():
            return _finished(event)


def from_dead_letter(letter: DeadLetter, execution_id: UUID, at: datetime) -> Change:
    """The end of an execution whose request was given up."""
    return Change(
        LifecycleEvent.DEAD_LETTERED,
        execution_id,
        Status.FAILED,
        letter.attempts,
        at,
        statements.GIVEN_UP,
        Reason.INFRASTRUCTURE,
        note=letter.reason,
        new_values=ended_values(
            Status.FAILED, Reason.INFRASTRUCTURE, letter.reason, None, ExecutionResult()
        ),
    )


def _start_note(event: ExecutionStarted | ExecutionFinished) -> str:
    """Where the attempt runs; a version before tells the runner alone."""
    places = {"container": event.container, "image": event.image}
    told = (f"{kind} {name}" for kind, name in places.items() if name)
    return storable(", ".join((f"by runner {event.runner}", *told)))


def _finished(event: ExecutionFinished) -> Change:
    detail = None if event.detail is None else storable(event.detail)
    ending = " ".join(filter(None, (event.status, event.reason)))
    return Change(
        LifecycleEvent.FINISHED,
        event.execution_id,
        event.status,
        event.attempt,
        event.finished_at,
        statements.FINISHED,
        event.reason,
        note=ending if detail is None else f"{ending}: {detail}",
        new_values=ended_values(
            event.status,
            event.reason,
            detail,
            event.started_at,
            event.result,
            read_error(event.language, event.result, event.reason),
        ),
        start_note=_start_note(event) if event.started_at and event.runner else None,
    )


def ended_values(
    status: Status,
    reason: Reason | None,
    detail: str | None,
    started_at: datetime | None,
    result: ExecutionResult,
    error: Sequence[FeedbackNote] = (),
) -> dict[str, Any]:
    """What a statement that ends an execution stores; `error` is what went wrong in the program."""
    notes = platform_feedback(detail) if reason in PLATFORM_REASONS else error
    return {
        "status": status,
        "reason": reason,
        "detail": detail,
        "feedback": msgspec.to_builtins(notes),
        "started_at": started_at,
        **_result_values(result),
    }


def _result_values(result: ExecutionResult) -> dict[str, Any]:
    return {name: _storable(value) for name, value in result_values(result).items()}


def _storable(value: Any) -> Any:
    """The value with all text in it as PostgreSQL can hold it."""
    match value:
        case str():
            return storable(value)
        case dict():
            return {name: _storable(each) for name, each in value.items()}
        case list():
            return [_storable(each) for each in value]
        case _:
            return value
