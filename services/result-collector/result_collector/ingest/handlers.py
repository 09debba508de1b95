"""Events and dead letters as changes of an execution, ready for the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from result_collector.feedback.errors import read_error
from result_collector.feedback.feedback import PLATFORM_REASONS, platform_feedback
from result_collector.ingest import statements
from result_collector.ingest.dead_letters import DeadLetter
from result_collector.ingest.text_sanitizer import storable
from runlet.execution import CompileResult, ExecutionResult, FeedbackNote, Reason, Status
from runlet.messages import Event, ExecutionFinished, ExecutionRetrying, ExecutionStarted
from runlet_postgres.prepared_statements import Prepared


@dataclass(frozen=True)
class Change:
    """A transition of one execution, and the statement that applies it where it may be applied.

    `event` names it in the lifecycle, `note` is its detail there. `start_at` and `start_note` are
    those of the attempt's start, where an end tells it.
    """

    event: str
    execution_id: UUID
    status: Status
    attempt: int
    at: datetime
    statement: Prepared
    reason: Reason | None = None
    note: str | None = None
    new_values: Mapping[str, Any] = field(default_factory=dict)
    start_at: datetime | None = None
    start_note: str | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """What the statement's parameters stand for."""
        return {
            "execution_id": self.execution_id,
            "at": self.at,
            "attempt": self.attempt,
            "note": self.note,
            "start_at": self.start_at,
            "start_note": self.start_note,
            **{f"new_{name}": value for name, value in self.new_values.items()},
        }


def by_event(event: Event, start: ExecutionStarted | None = None) -> Change:
    """What an event changes; with an end, its attempt's `start` may be told as well."""
    match event:
        case ExecutionStarted(execution_id=id_, attempt=attempt, started_at=at):
            started, note = statements.STARTED, _start_note(event)
            return Change("started", id_, Status.RUNNING, attempt, at, started, note=note)
        case ExecutionRetrying(execution_id=id_, attempt=attempt, at=at):
            note = storable(event.detail)
            retrying = statements.RETRYING
            return Change("retrying", id_, Status.QUEUED, attempt, at, retrying, note=note)
        case ExecutionFinished():
            return _finished(event, start)


def by_dead_letter(letter: DeadLetter, execution_id: UUID, at: datetime) -> Change:
    """The end of an execution whose request was given up."""
    return Change(
        "dead_lettered",
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


def _start_note(event: ExecutionStarted) -> str:
    return storable(f"by runner {event.runner}")


def _finished(event: ExecutionFinished, start: ExecutionStarted | None) -> Change:
    detail = None if event.detail is None else storable(event.detail)
    started_at = event.started_at or (start.started_at if start else None)
    ending = " ".join(filter(None, (event.status, event.reason)))
    return Change(
        "finished",
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
            started_at,
            event.result,
            read_error(event.language, event.result, event.reason),
        ),
        start_at=None if start is None else start.started_at,
        start_note=None if start is None else _start_note(start),
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
    values = {name: getattr(result, name) for name in statements.RESULT_COLUMNS}
    return {
        **values,
        "stdout": storable(result.stdout),
        "stderr": storable(result.stderr),
        "compile": None if result.compile is None else _compile_values(result.compile),
    }


def _compile_values(result: CompileResult) -> dict[str, Any]:
    values: dict[str, Any] = msgspec.to_builtins(result)
    return {**values, "stdout": storable(result.stdout), "stderr": storable(result.stderr)}
