"""Bringing executions to an end that nothing would come of otherwise."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, RowMapping

from result_collector.ingest import statements
from result_collector.ingest.changes import Change, ended_values
from result_collector.reconciliation import stuck_executions
from result_collector.reconciliation.overtaken_requests import OvertakenRequests, Waiting
from runlet.execution import ExecutionResult, LifecycleEvent, Reason, Status
from runlet.messages import CancelRequested

MOST_REPUBLICATIONS = 3


class Outcome(StrEnum):
    """What was done about an execution."""

    REPUBLISHED = "republished"
    LOST = "lost"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class UnansweredCancellation:
    """A cancellation to be published once more, and the trace of the execution."""

    cancel: CancelRequested
    traceparent: str | None


@dataclass(frozen=True)
class Reconciled:
    """An execution that was stuck; `row` is how it is stored where that ended it."""

    outcome: Outcome
    change: Change
    row: dict[str, Any]


class Reconciliation:
    """Finds what is stuck and decides about it; any number may work side by side.

    A request that was believed lost may turn up all the same and run beside the one that took its
    place. That does no harm: the first end that is stored is the end, and no event of an attempt
    that was overtaken changes anything.
    """

    def __init__(
        self, engine: Engine, after: timedelta, offered_languages: Collection[str]
    ) -> None:
        self._engine = engine
        self._after = after
        self._offered_languages = list(offered_languages)
        self._overtaken_requests = OvertakenRequests(after)

    def find_overtaken(self) -> list[UUID]:
        """Queued executions that were overtaken since they were first found here.

        Raises DatabaseUnavailableError when the database cannot be used now.
        """
        values = {"offered_languages": self._offered_languages, "after": self._after}
        with self._engine.begin() as connection:
            found = connection.execute(stuck_executions.FIND_WAITING, values)
            waiting = [Waiting(*row) for row in found]
            newest_started = _newest_started(connection) if waiting else {}
            now = connection.execute(stuck_executions.NOW).scalar_one()
        return self._overtaken_requests.note(waiting, newest_started, now)

    def settle_batch(
        self, idle_languages: Collection[str], overtaken: Collection[UUID]
    ) -> list[Reconciled]:
        """Settle up to stuck_executions.BATCH_SIZE; no work waits for `idle_languages`.

        Raises DatabaseUnavailableError when the database cannot be used now.
        """
        values = {
            "after": self._after,
            "idle_languages": list(idle_languages),
            "offered_languages": self._offered_languages,
            "overtaken": list(overtaken),
        }
        with self._engine.begin() as connection:
            found = connection.execute(stuck_executions.FIND_OVERDUE, values).mappings().all()
            return [_settle(connection, row) for row in found]

    def unanswered_cancellations(self) -> list[UnansweredCancellation]:
        """Cancellations of executions that are running all the same."""
        with self._engine.begin() as connection:
            found = connection.execute(stuck_executions.FIND_UNANSWERED_CANCELLATIONS).all()
        return [
            UnansweredCancellation(CancelRequested(execution_id, at, attempt), traceparent)
            for execution_id, at, attempt, traceparent in found
        ]


def _newest_started(connection: Connection) -> dict[str, datetime]:
    found = connection.execute(stuck_executions.FIND_NEWEST_STARTED)
    return {row.language: row.accepted_at for row in found}


def _settle(connection: Connection, found: RowMapping) -> Reconciled:
    outcome = _outcome(found)
    change = _CHANGES[outcome](found)
    row = change.statement.execute(connection, change.parameters).mappings().one()
    return Reconciled(outcome, change, dict(row))


def _outcome(found: RowMapping) -> Outcome:
    if found["cancel_requested_at"] is not None:
        return Outcome.CANCELLED
    if found["not_offered"] or found["republications"] >= MOST_REPUBLICATIONS:
        return Outcome.LOST
    return Outcome.REPUBLISHED


def _republished(found: RowMapping) -> Change:
    if found["status"] == Status.RUNNING:
        note = f"Nothing came back of attempt {found['attempts']}, so the run is sent out again."
    else:
        note = "The request did not reach a runner, so it is sent out again."
    # A number for each, whether or not the one before has started anything.
    attempt = _newest_attempt(found) + 1
    republished = statements.REPUBLISHED
    return Change(
        LifecycleEvent.REPUBLISHED,
        found["id"],
        Status.QUEUED,
        attempt,
        found["now"],
        republished,
        note=note,
    )


def _lost(found: RowMapping) -> Change:
    if found["not_offered"]:
        detail = f"The language {found['language']} is not offered any more."
    else:
        times = found["republications"] + 1
        detail = f"The run was sent out {times} times, and nothing came back."
    return Change(
        LifecycleEvent.LOST,
        found["id"],
        Status.FAILED,
        _newest_attempt(found),
        found["now"],
        statements.LOST,
        Reason.LOST,
        note=detail,
        new_values=ended_values(Status.FAILED, Reason.LOST, detail, None, ExecutionResult()),
    )


def _cancelled(found: RowMapping) -> Change:
    cancelled = Status.CANCELLED
    return Change(
        LifecycleEvent.CANCELLED,
        found["id"],
        cancelled,
        _newest_attempt(found),
        found["now"],
        statements.CANCELLED,
        Reason.CANCELLED,
        new_values=ended_values(cancelled, Reason.CANCELLED, None, None, ExecutionResult()),
    )


def _newest_attempt(found: RowMapping) -> int:
    newest: int = max(found["attempts"], found["newest_republication"])
    return newest


_CHANGES = {
    Outcome.REPUBLISHED: _republished,
    Outcome.LOST: _lost,
    Outcome.CANCELLED: _cancelled,
}
