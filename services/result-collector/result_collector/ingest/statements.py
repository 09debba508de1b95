"""The transitions as SQL: each applies an event only where it may, and tells whether it did.

That makes them proof against repetition and against any order of arrival: a status never goes
back, a terminal one never changes, and an event of an attempt that was overtaken changes nothing.
Where an event may be applied stands in runlet.execution.TRANSITIONS.
"""

from collections.abc import Sequence
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
    select,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import DateTime, Integer, Text

from runlet import callback_events
from runlet.execution import RESULT_FIELDS, LifecycleEvent, Status
from runlet_postgres.execution_rows import COLUMNS, may_happen
from runlet_postgres.execution_tables import (
    callbacks,
    dead_letters,
    execution_events,
    executions,
    outbox,
)
from runlet_postgres.prepared_statements import Prepared

_columns = executions.c

_EXECUTION_ID = bindparam("execution_id", type_=_columns.id.type)
_AT = bindparam("at", type_=DateTime(timezone=True))
_ATTEMPT = bindparam("attempt", type_=Integer)
_NOTE = bindparam("note", type_=Text)
_NOTED = ["execution_id", "type", "at", "attempt", "detail"]
_START_NOTE = bindparam("start_note", type_=Text)
_STARTED_AT = bindparam("new_started_at", type_=DateTime(timezone=True))
_ENDED_COLUMNS = [column for column in COLUMNS if column is not _columns.id]


def _transition(event: LifecycleEvent, values: dict[str, Any]) -> Select[Any]:
    """Change the execution where the event may happen, and note it if it is not noted yet.

    Gives one row: the execution's and the session's id, its trace, and whether the execution
    changed; none if it is unknown.
    """
    known, changed = _known(), _change(event, values, [_columns.id])
    return _joined(known, changed).add_cte(_noted(event, known))


def _ending(event: LifecycleEvent) -> Select[Any]:
    """End the execution where the event may happen, and note it if it did, and only then.

    Gives one row as `_transition` does, with the execution as it is stored where it changed, and
    in `callback_attempt` the first attempt at the callback that is due now.
    """
    returned = [_columns.id, *_ENDED_COLUMNS, _columns.callback_url]
    known, changed = _known(), _change(event, _ENDED_VALUES, returned)
    earlier_attempts = select(_request_callback(changed).c.attempts).scalar_subquery()
    row = _joined(
        known,
        changed,
        *(changed.c[column.name] for column in _ENDED_COLUMNS if column.name not in known.c),
        (earlier_attempts + 1).label("callback_attempt"),
    )
    return row.add_cte(_noted(event, changed))


def _known() -> CTE:
    known = select(_columns.id, _columns.session_id, _columns.traceparent)
    return known.where(_columns.id == _EXECUTION_ID).cte("known")


def _change(event: LifecycleEvent, values: dict[str, Any], returned: Sequence[Column[Any]]) -> CTE:
    allowed = may_happen(event, _ATTEMPT)
    changed = update(executions).where(_columns.id == _EXECUTION_ID, allowed).values(values)
    return changed.returning(*returned).cte("changed")


def _noted(event: LifecycleEvent, about: CTE) -> CTE:
    note = select(about.c.id, literal(event, Text), _AT, _ATTEMPT, _NOTE)
    noted = postgresql.insert(execution_events).from_select(_NOTED, note)
    return noted.on_conflict_do_nothing().cte("noted")


def _noted_start() -> CTE:
    """Note the start of the attempt, unless a message of its own has told it before."""
    note = select(
        _columns.id, literal(LifecycleEvent.STARTED, Text), _STARTED_AT, _ATTEMPT, _START_NOTE
    )
    began = note.where(_columns.id == _EXECUTION_ID, _START_NOTE.is_not(None))
    noted = postgresql.insert(execution_events).from_select(_NOTED, began)
    return noted.on_conflict_do_nothing().cte("noted_start")


def _request_callback(ended: CTE) -> CTE:
    """Have the callback of the execution that a statement ended sent, if it has one.

    Gives its id, and how many attempts at its callback there were before.
    """
    wanted = select(ended.c.id, ended.c.callback_url, literal(callback_events.PENDING, Text)).where(
        ended.c.callback_url.is_not(None)
    )
    requested = postgresql.insert(callbacks).from_select(["execution_id", "url", "status"], wanted)
    # What was requeued after its callback was requested ends a second time.
    again = {
        "status": requested.excluded.status,
        "first_attempt": callbacks.c.attempts + 1,
        "due_at": func.now(),
    }
    return (
        requested.on_conflict_do_update(index_elements=["execution_id"], set_=again)
        .returning(callbacks.c.execution_id, callbacks.c.attempts)
        .cte("requested")
    )


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
    "started_at": func.coalesce(_STARTED_AT, _columns.started_at),
    "finished_at": _AT,
    **{name: bindparam(f"new_{name}") for name in RESULT_FIELDS},
}

STARTED = Prepared(
    "started",
    _transition(
        LifecycleEvent.STARTED,
        {"status": Status.RUNNING, "attempts": _ATTEMPT, "started_at": _AT},
    ),
)

# Also where a cancellation was asked for: the runner that gets the request next ends it, and if
# none remembers, the reconciler.
RETRYING = Prepared(
    "retrying",
    _transition(
        LifecycleEvent.RETRYING,
        {"status": Status.QUEUED, "attempts": _ATTEMPT, "queued_at": _AT, "started_at": None},
    ),
)

FINISHED = Prepared("finished", _ending(LifecycleEvent.FINISHED).add_cte(_noted_start()))

# A letter counts as the last attempt of its request, so that one that comes a second time does
# not touch an execution that was queued again meanwhile.
GIVEN_UP = Prepared("given_up", _ending(LifecycleEvent.DEAD_LETTERED))

LOST = Prepared("lost", _ending(LifecycleEvent.LOST))

CANCELLED = Prepared("cancelled", _ending(LifecycleEvent.CANCELLED))


def _republished() -> Select[Any]:
    """Queue the execution again, with an outbox row for a request that starts this attempt."""
    known = _known()
    values = {"status": Status.QUEUED, "queued_at": _AT, "started_at": None}
    changed = _change(LifecycleEvent.REPUBLISHED, values, [_columns.id, _columns.traceparent])
    columns = ["execution_id", "created_at", "attempt", "traceparent"]
    sent = postgresql.insert(outbox).from_select(
        columns, select(changed.c.id, _AT, _ATTEMPT, changed.c.traceparent)
    )
    new = {name: sent.excluded[name] for name in columns[1:]}
    row = _joined(known, changed).add_cte(_noted(LifecycleEvent.REPUBLISHED, changed))
    return row.add_cte(sent.on_conflict_do_update(index_elements=["execution_id"], set_=new).cte())


REPUBLISHED = Prepared("republished", _republished())


def _keep_dead_letter() -> Insert:
    values: dict[str, Any] = {
        column.name: bindparam(f"new_{column.name}") for column in dead_letters.c
    }
    return postgresql.insert(dead_letters).values(values).on_conflict_do_nothing()


KEEP_DEAD_LETTER = _keep_dead_letter()
