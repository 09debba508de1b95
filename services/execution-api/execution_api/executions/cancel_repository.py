"""Cancelling in PostgreSQL."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    DateTime,
    Delete,
    Engine,
    RowMapping,
    ScalarSelect,
    Select,
    Text,
    Update,
    bindparam,
    case,
    delete,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.dml import ReturningInsert

from runlet import callback_events
from runlet.execution import ACTIVE, ExecutionResult, LifecycleEvent, Reason, Status
from runlet_postgres.execution_rows import COLUMNS
from runlet_postgres.execution_tables import callbacks, execution_events, executions, outbox


class CancellationRepository:
    """Cancels executions; the engine must be in autocommit mode."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def cancel(self, execution_id: UUID, at: datetime) -> RowMapping | None:
        """End a queued execution, and mark one that runs; gives it as it is then.

        `callback_attempt` is the first attempt at the callback that this asked for, or None;
        `newest_attempt` the newest one at the execution that is known, begun or not.
        None when the execution is not active, or unknown.
        """
        values = {"execution_id": execution_id, "at": at}
        with self._engine.connect() as connection:
            return connection.execute(_CANCEL, values).mappings().first()

    def status(self, execution_id: UUID) -> Status | None:
        """The status of an execution; None for an unknown one."""
        query = select(executions.c.status).where(executions.c.id == execution_id)
        with self._engine.connect() as connection:
            status = connection.execute(query).scalar_one_or_none()
        return None if status is None else Status(status)


_AT = bindparam("at", type_=DateTime(timezone=True))
_SHOWN = [*COLUMNS, executions.c.callback_url]
# What an execution that never began has for a result.
_NO_RESULT = {name: value for name, value in vars(ExecutionResult()).items() if value is not None}


def _cancel_statement() -> Select[Any]:
    """One statement decides what is cancelled how, so that nothing can happen in between."""
    changed = _change().returning(*_SHOWN).cte("changed")
    at_once = changed.c.status == Status.CANCELLED
    # What is queued waits for the attempt after those that have begun.
    attempt = changed.c.attempts + case((at_once, 1), else_=0)
    event_type = case(
        (at_once, literal(LifecycleEvent.CANCELLED, Text)),
        else_=literal(LifecycleEvent.CANCEL_REQUESTED, Text),
    )
    noted = (
        postgresql.insert(execution_events)
        .from_select(
            ["execution_id", "type", "at", "attempt"],
            select(changed.c.id, event_type, _AT, attempt),
        )
        .on_conflict_do_nothing()
        .cte("noted")
    )
    asked = _ask_for_callback(changed, at_once).cte("asked")
    return (
        select(
            *changed.c,
            (asked.c.attempts + 1).label("callback_attempt"),
            func.greatest(attempt, _noted_attempt(changed)).label("newest_attempt"),
        )
        .select_from(changed.outerjoin(asked, asked.c.execution_id == changed.c.id))
        .add_cte(noted, _drop_request(changed, at_once).cte("dropped"))
    )


def _noted_attempt(changed: CTE) -> ScalarSelect[int]:
    """A request that was sent out again, and has not begun, is known from its event alone."""
    newest = select(func.max(execution_events.c.attempt)).where(
        execution_events.c.execution_id == changed.c.id,
        execution_events.c.type.not_in(callback_events.ALL),
    )
    return newest.correlate(changed).scalar_subquery()


def _ask_for_callback(changed: CTE, at_once: ColumnElement[bool]) -> ReturningInsert[Any]:
    wanted = select(changed.c.id, changed.c.callback_url, literal("PENDING")).where(
        at_once, changed.c.callback_url.is_not(None)
    )
    asked = postgresql.insert(callbacks).from_select(["execution_id", "url", "status"], wanted)
    # What was requeued after its callback was asked for ends a second time.
    again = {
        "status": asked.excluded.status,
        "first_attempt": callbacks.c.attempts + 1,
        "due_at": func.now(),
    }
    return asked.on_conflict_do_update(index_elements=["execution_id"], set_=again).returning(
        callbacks.c.execution_id, callbacks.c.attempts
    )


def _change() -> Update:
    queued = executions.c.status == Status.QUEUED
    ended = {
        "status": Status.CANCELLED,
        "reason": Reason.CANCELLED,
        "finished_at": _AT,
        **_NO_RESULT,
    }
    return (
        update(executions)
        .where(executions.c.id == bindparam("execution_id"), executions.c.status.in_(ACTIVE))
        .values(
            {name: case((queued, end), else_=executions.c[name]) for name, end in ended.items()}
        )
        .values(cancel_requested_at=func.coalesce(executions.c.cancel_requested_at, _AT))
    )


def _drop_request(changed: CTE, at_once: ColumnElement[bool]) -> Delete:
    # A relay that publishes the request just now holds its row until the broker has confirmed.
    # There is no need to wait for it: the row goes with that, and runners hear of the cancellation.
    droppable = (
        select(outbox.c.execution_id)
        .join(changed, changed.c.id == outbox.c.execution_id)
        .where(at_once)
        .with_for_update(of=outbox, skip_locked=True)
    )
    return delete(outbox).where(outbox.c.execution_id.in_(droppable))


_CANCEL = _cancel_statement()
