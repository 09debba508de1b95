"""The transitions as SQL: each applies an event only where it may, and tells whether it did.

That makes them proof against repetition and against any order of arrival: a status never goes
back, a terminal one never changes, and an event of an attempt that was overtaken changes nothing.
"""

from typing import Any

from sqlalchemy import (
    CTE,
    Column,
    ColumnElement,
    Insert,
    Select,
    bindparam,
    func,
    literal,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import DateTime, Integer, Text

from result_collector.callbacks.statements import ask
from result_collector.tables import dead_letters, execution_events, executions, outbox
from runlet.execution import ACTIVE, Status
from runlet_postgres.prepared_statements import Prepared

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
# Written out, so that the statement can be prepared.
_active = _columns.status.in_([literal_column(f"'{status}'", Text) for status in sorted(ACTIVE)])

_EXECUTION_ID = bindparam("execution_id", type_=_columns.id.type)
_AT = bindparam("at", type_=DateTime(timezone=True))
_ATTEMPT = bindparam("attempt", type_=Integer)
_NOTE = bindparam("note", type_=Text)
_NOTED = ["execution_id", "type", "at", "attempt", "detail"]
_START_AT = bindparam("start_at", type_=DateTime(timezone=True))
_START_NOTE = bindparam("start_note", type_=Text)


ENDED_COLUMNS = (
    "language",
    "status",
    "reason",
    "attempts",
    "limits",
    "feedback",
    *RESULT_COLUMNS,
    "created_at",
    "queued_at",
    "started_at",
    "finished_at",
)


def _transition(
    event_type: str, allowed: ColumnElement[bool], values: dict[str, Any]
) -> Select[Any]:
    """Change the execution where `allowed`, and note the event if it is not noted yet.

    Gives one row: the execution's and the session's id, its trace, and whether the execution
    changed; none if it is unknown.
    """
    known, changed = _known(), _change(allowed, values, [_columns.id])
    return _joined(known, changed).add_cte(_noted(event_type, known))


def _ending(event_type: str, allowed: ColumnElement[bool]) -> Select[Any]:
    """End the execution where `allowed`, and note the event that ended it, and no other.

    Gives one row as `_transition` does, with the execution as it is stored where it changed, and
    in `callback_attempt` the first attempt at the callback that this asked for.
    """
    shown = [_columns[name] for name in ENDED_COLUMNS]
    returned = [_columns.id, *shown, _columns.callback_url]
    known, changed = _known(), _change(allowed, _ENDED_VALUES, returned)
    earlier_attempts = select(ask(changed).c.attempts).scalar_subquery()
    row = _joined(
        known,
        changed,
        *(changed.c[name] for name in ENDED_COLUMNS),
        (earlier_attempts + 1).label("callback_attempt"),
    )
    return row.add_cte(_noted(event_type, changed))


def _known() -> CTE:
    known = select(_columns.id, _columns.session_id, _columns.traceparent)
    return known.where(_columns.id == _EXECUTION_ID).cte("known")


def _change(
    allowed: ColumnElement[bool], values: dict[str, Any], returned: list[Column[Any]]
) -> CTE:
    changed = update(executions).where(_columns.id == _EXECUTION_ID, allowed).values(values)
    return changed.returning(*returned).cte("changed")


def _noted(event_type: str, about: CTE) -> CTE:
    note = select(about.c.id, literal(event_type), _AT, _ATTEMPT, _NOTE)
    noted = postgresql.insert(execution_events).from_select(_NOTED, note)
    return noted.on_conflict_do_nothing().cte("noted")


def _noted_start() -> CTE:
    """Note the start of the attempt as well, where it is told along with the end."""
    note = select(_columns.id, literal("started"), _START_AT, _ATTEMPT, _START_NOTE)
    told = note.where(_columns.id == _EXECUTION_ID, _START_NOTE.is_not(None))
    noted = postgresql.insert(execution_events).from_select(_NOTED, told)
    return noted.on_conflict_do_nothing().cte("noted_start")


def _joined(known: CTE, changed: CTE, *more: ColumnElement[Any]) -> Select[Any]:
    did_change = changed.c.id.is_not(None).label("changed")
    joined = known.outerjoin(changed, known.c.id == changed.c.id)
    return select(*known.c, did_change, *more).select_from(joined)


_ENDED_VALUES: dict[str, Any] = {
    "status": bindparam("new_status"),
    "reason": bindparam("new_reason"),
    "detail": bindparam("new_detail"),
    # What was remarked before the run stays.
    "feedback": _columns.feedback.op("||")(bindparam("new_feedback", type_=_columns.feedback.type)),
    "attempts": _ATTEMPT,
    "started_at": func.coalesce(
        bindparam("new_started_at", type_=DateTime(timezone=True)), _columns.started_at
    ),
    "finished_at": _AT,
    **{name: bindparam(f"new_{name}") for name in RESULT_COLUMNS},
}

# What an attempt says last holds while nothing newer is known. An execution that is queued with
# this attempt behind it waits for the next one, which alone may change it.
_not_overtaken = or_(
    _active & (_columns.attempts < _ATTEMPT),
    (_columns.status == Status.RUNNING) & (_columns.attempts == _ATTEMPT),
)

# An attempt that was noted as running, or as over, cannot start once more.
STARTED = Prepared(
    "started",
    _transition(
        "started",
        _active & (_columns.attempts < _ATTEMPT),
        {"status": Status.RUNNING, "attempts": _ATTEMPT, "started_at": _AT},
    ),
)

# Also where a cancellation was asked for: the runner that gets the request next ends it, and if
# none remembers, the reconciler.
RETRYING = Prepared(
    "retrying",
    _transition(
        "retrying",
        _not_overtaken,
        {"status": Status.QUEUED, "attempts": _ATTEMPT, "queued_at": _AT, "started_at": None},
    ),
)

FINISHED = Prepared("finished", _ending("finished", _not_overtaken).add_cte(_noted_start()))

# A letter counts as the last attempt of its request, so that one that comes a second time does
# not touch an execution that was queued again meanwhile.
GIVEN_UP = Prepared("given_up", _ending("dead_lettered", _not_overtaken))

# For the reconciler, which holds a lock on the execution and numbers what it does.
_in_hand = _active & (_columns.attempts <= _ATTEMPT)

LOST = Prepared("lost", _ending("lost", _in_hand))

CANCELLED = Prepared("cancelled", _ending("cancelled", _in_hand))


def _republished() -> Select[Any]:
    """Queue the execution again, with an outbox row for a request that starts this attempt."""
    known = _known()
    values = {"status": Status.QUEUED, "queued_at": _AT, "started_at": None}
    changed = _change(_in_hand, values, [_columns.id, _columns.traceparent])
    columns = ["execution_id", "created_at", "attempt", "traceparent"]
    sent = postgresql.insert(outbox).from_select(
        columns, select(changed.c.id, _AT, _ATTEMPT, changed.c.traceparent)
    )
    new = {name: sent.excluded[name] for name in columns[1:]}
    row = _joined(known, changed).add_cte(_noted("republished", changed))
    return row.add_cte(sent.on_conflict_do_update(index_elements=["execution_id"], set_=new).cte())


REPUBLISHED = Prepared("republished", _republished())


def _keep_dead_letter() -> Insert:
    values: dict[str, Any] = {
        column.name: bindparam(f"new_{column.name}") for column in dead_letters.c
    }
    return postgresql.insert(dead_letters).values(values).on_conflict_do_nothing()


KEEP_DEAD_LETTER = _keep_dead_letter()
