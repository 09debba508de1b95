"""Finding executions that something must have gone wrong with, as SQL.

All times that are compared are the database's: the clocks of APIs, runners and collectors may be
apart, and what they note is for people.
"""

from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    BindParameter,
    ColumnElement,
    Float,
    Interval,
    Select,
    Text,
    Uuid,
    and_,
    any_,
    bindparam,
    cast,
    func,
    literal,
    or_,
    select,
    true,
)

from runlet import callback_events
from runlet.execution import LifecycleEvent, Status
from runlet_postgres.execution_tables import execution_events, executions, outbox

BATCH_SIZE = 100
# Of each language, the requests that wait longest: those are the ones that others overtake.
MAX_WAITING = 1000
MAX_CANCELLATIONS = 1000
# What a run may take beside its time limit: compiling, and a sandbox that comes up.
PREPARATION = timedelta(seconds=30)
# A cancellation is on its way for a moment before there is reason to repeat it.
CANCELLATION_GRACE = timedelta(seconds=5)
# Only among the executions accepted last is looked for one that overtook others.
OVERTAKING_WINDOW = timedelta(minutes=10)
# No runner serves a language that is not offered; it may come back while services are replaced.
NOT_OFFERED_GRACE = timedelta(minutes=15)

_columns = executions.c
_NOW = func.now()
_AFTER = bindparam("after", type_=Interval)
_IDLE_LANGUAGES: BindParameter[str] = bindparam("idle_languages", expanding=True)
_OFFERED: BindParameter[str] = bindparam("offered_languages", expanding=True)
_OFFERED_ARRAY = cast(bindparam("offered_languages", type_=ARRAY(Text)), ARRAY(Text))
_OVERTAKEN = cast(bindparam("overtaken", type_=ARRAY(Uuid)), ARRAY(Uuid))

_running = _columns.status == Status.RUNNING
_queued = _columns.status == Status.QUEUED
_published = ~select(outbox).where(outbox.c.execution_id == _columns.id).exists()


def _last_stored(*conditions: ColumnElement[bool]) -> ColumnElement[Any]:
    """When the newest of the execution's events that meet the conditions was stored."""
    event = execution_events
    stored = select(func.max(event.c.stored_at)).where(
        event.c.execution_id == _columns.id, *conditions
    )
    # A version before may have left out an event, never the execution.
    return func.coalesce(stored.correlate(executions).scalar_subquery(), _columns.stored_at)


# What did not make the execution's status what it is.
_BESIDE = (*callback_events.ALL, LifecycleEvent.CANCEL_REQUESTED)
_last_change = _last_stored(execution_events.c.type.not_in(_BESIDE))
_last_cancellation = _last_stored(execution_events.c.type == LifecycleEvent.CANCEL_REQUESTED)
_cancel_unanswered = and_(
    _columns.cancel_requested_at.is_not(None), _last_cancellation < _NOW - CANCELLATION_GRACE
)


def _newest_requeueing() -> ColumnElement[int]:
    requeued = execution_events.alias()
    query = select(func.coalesce(func.max(requeued.c.attempt), 0)).where(
        requeued.c.execution_id == _columns.id, requeued.c.type == LifecycleEvent.REQUEUED
    )
    return query.correlate(executions).scalar_subquery()


def _of_republications(value: ColumnElement[int]) -> ColumnElement[int]:
    """Of those since somebody requeued the execution by hand, which begins a new count."""
    query = select(value).where(
        execution_events.c.execution_id == _columns.id,
        execution_events.c.type == LifecycleEvent.REPUBLISHED,
        execution_events.c.attempt > _newest_requeueing(),
    )
    return query.correlate(executions).scalar_subquery()


_times = _of_republications(func.count())
_newest = func.coalesce(_of_republications(func.max(execution_events.c.attempt)), 0)


def _find_overdue() -> Select[Any]:
    milliseconds = _columns.limits["time_limit_ms"].as_integer()
    time_limit = milliseconds * literal(timedelta(milliseconds=1), Interval)
    # Within each condition the cheap tests come first: most executions meet none of them.
    silent = and_(_running, _last_change + time_limit + PREPARATION + _AFTER < _NOW)
    # A request that was sent again may wait in a busy runner; each time it gets twice as long.
    longest_wait = func.power(2, _times, type_=Float) * _AFTER
    gone = or_(_columns.language.in_(_IDLE_LANGUAGES), _columns.id == any_(_OVERTAKEN))
    missing = and_(_queued, gone, _published, _last_change < _NOW - longest_wait)
    forgotten = and_(_queued, _cancel_unanswered)
    not_offered = and_(
        _queued, _columns.language.not_in(_OFFERED), _last_change < _NOW - NOT_OFFERED_GRACE
    )
    return (
        select(
            *_FOUND,
            _NOW.label("now"),
            _times.label("republications"),
            _newest.label("newest_republication"),
            not_offered.label("not_offered"),
        )
        .where(or_(silent, missing, forgotten, not_offered))
        .order_by(_columns.queued_at)
        .limit(BATCH_SIZE)
        .with_for_update(of=executions, skip_locked=True)
    )


def _find_waiting() -> Select[Any]:
    languages = func.unnest(_OFFERED_ARRAY).table_valued("language").render_derived()
    oldest = (
        select(_columns.id, _columns.language, _columns.queued_at)
        .where(
            _queued,
            _columns.language == languages.c.language,
            _published,
            _last_change < _NOW - _AFTER,
        )
        .order_by(_columns.queued_at)
        .limit(MAX_WAITING)
        .lateral()
    )
    return select(*oldest.c).select_from(languages.join(oldest, true()))


_FOUND = (
    _columns.id,
    _columns.status,
    _columns.language,
    _columns.attempts,
    _columns.cancel_requested_at,
)

# Executions that nothing will come of any more, locked, which keeps other collectors off:
# running beyond all limits; queued while no queue can hold their request, because no work waits
# for their language or because they were overtaken; queued though cancelled, or for a language that
# no runner serves.
FIND_OVERDUE = _find_overdue()

FIND_WAITING = _find_waiting()

# For each language, when the newest of the executions that have started was accepted. An index
# bounds the search by `created_at`, which is good enough for that.
FIND_NEWEST_STARTED = (
    select(_columns.language, func.max(_columns.stored_at).label("accepted_at"))
    .where(_columns.created_at > _NOW - OVERTAKING_WINDOW, _columns.started_at.is_not(None))
    .group_by(_columns.language)
)

FIND_UNANSWERED_CANCELLATIONS = (
    select(
        _columns.id, _columns.cancel_requested_at, _columns.attempts, _columns.traceparent
    ).where(_running, _cancel_unanswered)
).limit(MAX_CANCELLATIONS)

NOW = select(_NOW)
