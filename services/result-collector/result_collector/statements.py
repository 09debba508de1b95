"""The transitions as SQL: each applies an event only where it may, and tells whether it did.

That makes them proof against repetition and against any order of arrival: a status never goes
back, a terminal one never changes, and an event of an attempt that was overtaken changes nothing.
"""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Insert,
    Select,
    bindparam,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import DateTime, Integer, Text

from result_collector.tables import dead_letters, execution_events, executions
from runlet.executions import ACTIVE, Reason, Status

RESULT_COLUMNS = (
    "stdout",
    "stderr",
    "stdout_truncated",
    "stderr_truncated",
    "exit_code",
    "signal",
    "execution_time_ms",
    "cpu_time_ms",
    "memory_peak_kb",
    "compile",
)

_columns = executions.c
_active = _columns.status.in_(ACTIVE)

_EXECUTION_ID = bindparam("execution_id", type_=_columns.id.type)
_AT = bindparam("at", type_=DateTime(timezone=True))
_ATTEMPT = bindparam("attempt", type_=Integer)
_NOTE = bindparam("note", type_=Text)


def _transition(
    event_type: str, allowed: ColumnElement[bool], values: dict[str, Any]
) -> Select[tuple[Any, bool]]:
    """Change the execution where `allowed`, and note the event if it is not noted yet.

    Gives one row: the session's id and whether the execution changed; none if it is unknown.
    """
    known = select(_columns.id, _columns.session_id).where(_columns.id == _EXECUTION_ID)
    known_execution = known.cte("known")
    changed = (
        update(executions)
        .where(_columns.id == _EXECUTION_ID, allowed)
        .values(values)
        .returning(_columns.id)
        .cte("changed")
    )
    note = select(known_execution.c.id, literal(event_type), _AT, _ATTEMPT, _NOTE)
    noted = (
        postgresql.insert(execution_events)
        .from_select(["execution_id", "type", "at", "attempt", "detail"], note)
        .on_conflict_do_nothing()
        .cte("noted")
    )
    return (
        select(known_execution.c.session_id, changed.c.id.is_not(None).label("changed"))
        .select_from(known_execution.outerjoin(changed, known_execution.c.id == changed.c.id))
        .add_cte(noted)
    )


# An attempt that was noted as running, or as over, cannot start once more.
STARTED = _transition(
    "started",
    _active & (_columns.attempts < _ATTEMPT),
    {"status": Status.RUNNING, "attempts": _ATTEMPT, "started_at": _AT},
)

RETRYING = _transition(
    "retrying",
    or_(
        _active & (_columns.attempts < _ATTEMPT),
        (_columns.status == Status.RUNNING) & (_columns.attempts == _ATTEMPT),
    ),
    {"status": Status.QUEUED, "attempts": _ATTEMPT, "started_at": None},
)

FINISHED = _transition(
    "finished",
    _active & (_columns.attempts <= _ATTEMPT),
    {
        "status": bindparam("new_status"),
        "reason": bindparam("new_reason"),
        "detail": bindparam("new_detail"),
        "attempts": _ATTEMPT,
        "started_at": func.coalesce(
            bindparam("new_started_at", type_=DateTime(timezone=True)), _columns.started_at
        ),
        "finished_at": _AT,
        **{name: bindparam(f"new_{name}") for name in RESULT_COLUMNS},
    },
)

# Whatever its attempt: nobody holds the request any more.
GIVEN_UP = _transition(
    "dead_lettered",
    _active,
    {
        "status": Status.FAILED,
        "reason": Reason.INFRASTRUCTURE,
        "detail": _NOTE,
        "finished_at": _AT,
    },
)


def _keep_dead_letter() -> Insert:
    values: dict[str, Any] = {
        column.name: bindparam(f"new_{column.name}") for column in dead_letters.c
    }
    return postgresql.insert(dead_letters).values(values).on_conflict_do_nothing()


KEEP_DEAD_LETTER = _keep_dead_letter()
