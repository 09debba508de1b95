"""The life of a callback as SQL: one statement for each step, so that none is done by halves.

The rows are the truth, messages only say when to look at them. An attempt is begun by the
process that raises `attempts` to its number, which only one can; `due_at` is when something should
happen next, by the database's clock, as replicas differ in theirs.
"""

from datetime import timedelta
from typing import Any

from sqlalchemy import (
    CTE,
    Insert,
    Interval,
    Select,
    Update,
    and_,
    bindparam,
    case,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import DateTime, Integer, Text, Uuid

from runlet import callback_events
from runlet.execution import ACTIVE
from runlet_postgres.execution_rows import COLUMNS
from runlet_postgres.execution_tables import (
    callback_attempts,
    callbacks,
    execution_events,
    executions,
)

PENDING, DELIVERED, FAILED = callback_events.PENDING, "DELIVERED", "FAILED"

# Longer than an attempt takes with all its time limits and a slow database.
LEASE = timedelta(seconds=30)
INTERRUPTED = "The collector stopped during this attempt."

_row = callbacks.c
_tried = callback_attempts.c
# Not called like any column: SQLAlchemy would take those for further values of an UPDATE.
_EXECUTION_ID = bindparam("of_execution", type_=Uuid)
_ATTEMPT = bindparam("number", type_=Integer)
_AT = bindparam("moment", type_=DateTime(timezone=True))

# An execution that was requeued is not over any more; its next end asks anew.
_is_over = executions.c.status.not_in(ACTIVE)
_no_outcome = and_(_tried.http_status.is_(None), _tried.problem.is_(None))


def _begin() -> Select[Any]:
    """Begin an attempt; gives the execution, or no row where this attempt is not next."""
    begun = (
        update(callbacks)
        .where(
            _row.execution_id == _EXECUTION_ID,
            _row.status == PENDING,
            _row.attempts == _ATTEMPT - 1,
            executions.c.id == _row.execution_id,
            _is_over,
        )
        .values(attempts=_ATTEMPT, due_at=func.now() + literal(LEASE, Interval))
        .returning(_row.url, _row.first_attempt, *COLUMNS)
        .cte("begun")
    )
    noted = postgresql.insert(callback_attempts).from_select(
        ["execution_id", "attempt", "at"], select(begun.c.id, _ATTEMPT, _AT)
    )
    return select(*begun.c).add_cte(noted.on_conflict_do_nothing().cte("noted"))


def _conclude() -> Select[Any]:
    """Note what came of an attempt; gives a row where that decided what becomes of the callback."""
    concluded = (
        update(callbacks)
        .where(
            _row.execution_id == _EXECUTION_ID,
            _row.status == PENDING,
            _row.attempts == _ATTEMPT,
            # Else it was for an end that is not the latest any more.
            _row.first_attempt <= _ATTEMPT,
        )
        .values(
            status=bindparam("new_status", type_=Text),
            due_at=func.now() + bindparam("delay", type_=Interval),
        )
        .returning(_row.execution_id)
        .cte("concluded")
    )
    noted = (
        update(callback_attempts)
        .where(_tried.execution_id == _EXECUTION_ID, _tried.attempt == _ATTEMPT)
        .values(
            http_status=bindparam("new_http_status", type_=Integer),
            problem=bindparam("new_problem", type_=Text),
        )
        .returning(_tried.execution_id, _tried.attempt, _tried.problem)
        .cte("noted")
    )
    return select(concluded.c.execution_id).add_cte(
        _event(noted, bindparam("event", type_=Text)).cte("noted_event")
    )


def _event(tried: CTE, event_type: Any) -> Insert:
    event = select(tried.c.execution_id, event_type, _AT, tried.c.attempt, tried.c.problem)
    insert = postgresql.insert(execution_events).from_select(
        ["execution_id", "type", "at", "attempt", "detail"], event
    )
    return insert.on_conflict_do_nothing()


def _recover() -> Select[Any]:
    """Take hold of callbacks that nothing happened to for too long, and give each its next step.

    What was begun and never concluded counts as a failed attempt.
    """
    overdue = (
        select(_row.execution_id, _row.attempts, executions.c.traceparent)
        .join(executions, executions.c.id == _row.execution_id)
        .where(
            _row.status == PENDING,
            _row.due_at < func.now() - bindparam("quiet", type_=Interval),
            _is_over,
        )
        .order_by(_row.due_at)
        .limit(bindparam("room", type_=Integer))
        .with_for_update(of=callbacks, skip_locked=True)
        .cte("overdue")
    )
    shown = (_row.execution_id, _row.attempts, _row.status, overdue.c.traceparent)
    moved = _move(overdue).returning(*shown).cte("moved")
    interrupted = (
        update(callback_attempts)
        .where(
            _tried.execution_id == overdue.c.execution_id,
            _tried.attempt == overdue.c.attempts,
            _no_outcome,
        )
        .values(problem=INTERRUPTED)
        .returning(_tried.execution_id, _tried.attempt, _tried.problem)
        .cte("interrupted")
    )
    noted = _event(interrupted, literal(callback_events.FAILED))
    return select(*moved.c).add_cte(noted.cte("noted_event"))


def _move(overdue: CTE) -> Update:
    used_up = _row.attempts - _row.first_attempt + 1 >= bindparam("most", type_=Integer)
    return (
        update(callbacks)
        .where(_row.execution_id == overdue.c.execution_id)
        .values(status=case((used_up, FAILED), else_=PENDING), due_at=func.now())
    )


BEGIN = _begin()
CONCLUDE = _conclude()
RECOVER = _recover()

# What a delivery that came a second time finds; `problem` is that of the last attempt.
FIND_FAILED = (
    select(func.coalesce(_tried.problem, INTERRUPTED))
    .select_from(callbacks)
    .outerjoin(
        callback_attempts,
        and_(_tried.execution_id == _row.execution_id, _tried.attempt == _row.attempts),
    )
    .where(
        _row.execution_id == _EXECUTION_ID,
        _row.status == FAILED,
        _row.attempts == _ATTEMPT,
    )
)
