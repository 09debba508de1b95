"""Dead letters in PostgreSQL: reading them, requeueing and deleting them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    DateTime,
    Engine,
    Insert,
    RowMapping,
    Select,
    Text,
    Update,
    bindparam,
    cast,
    delete,
    func,
    literal,
    null,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONPATH

from execution_api.outbox.outbox import StoredRequest
from runlet import callback_events
from runlet.execution import ACTIVE, RESULT_FIELDS, LifecycleEvent, Reason, Status
from runlet_http.cursors import Cursor
from runlet_postgres.errors import ConstraintViolatedError
from runlet_postgres.execution_rows import may_happen
from runlet_postgres.execution_tables import dead_letters, execution_events, executions, outbox
from runlet_telemetry.trace_context import trace_note

_ONE_ACTIVE = "executions_one_active"


@dataclass(frozen=True)
class RequeueBlocker:
    """What may keep a dead letter from being requeued.

    `status` and `reason` are those of its execution, None when that is gone; `active_id` and
    `active_status` are those of another execution of the same session that is not over.
    """

    execution_id: UUID | None
    status: Status | None
    reason: Reason | None
    active_id: UUID | None
    active_status: Status | None


class DeadLetterRepository:
    """Reads and changes dead letters; the engine must be in autocommit mode."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def page(self, limit: int, after: Cursor | None) -> list[RowMapping]:
        """At most `limit` dead letters, newest first, older than `after`."""
        query = select(*_LISTED)
        if after is not None:
            position = tuple_(dead_letters.c.at, dead_letters.c.id)
            query = query.where(position < tuple_(after.created_at, after.id))
        query = query.order_by(dead_letters.c.at.desc(), dead_letters.c.id.desc()).limit(limit)
        with self._engine.connect() as connection:
            return list(connection.execute(query).mappings())

    def find(self, letter_id: UUID) -> RowMapping | None:
        """A dead letter with the message it was."""
        query = select(dead_letters).where(dead_letters.c.id == letter_id)
        with self._engine.connect() as connection:
            return connection.execute(query).mappings().first()

    def delete(self, letter_id: UUID) -> bool:
        """Remove a dead letter and leave its execution as it is; False for an unknown one."""
        statement = delete(dead_letters).where(dead_letters.c.id == letter_id)
        with self._engine.connect() as connection:
            return connection.execute(statement).rowcount > 0

    def requeue(self, letter_id: UUID, at: datetime, traceparent: str) -> StoredRequest | None:
        """Queue the letter's execution again and remove the letter, all or nothing.

        Gives the committed request; None when it may not be requeued, see `find_blocker`.
        """
        values = {
            "letter_id": letter_id,
            "at": at,
            "new_traceparent": traceparent,
            "note": trace_note(traceparent),
        }
        try:
            with self._engine.connect() as connection:
                row = connection.execute(_REQUEUE, values).mappings().first()
        except ConstraintViolatedError as error:
            if error.constraint != _ONE_ACTIVE:
                raise
            return None
        return None if row is None else StoredRequest(**row)

    def find_blocker(self, letter_id: UUID) -> RequeueBlocker | None:
        """What a requeueing depends on; None for an unknown dead letter."""
        with self._engine.connect() as connection:
            row = connection.execute(_BLOCKER, {"letter_id": letter_id}).first()
        if row is None:
            return None
        return RequeueBlocker(
            execution_id=row.execution_id,
            status=row.status and Status(row.status),
            reason=row.reason and Reason(row.reason),
            active_id=row.active_id,
            active_status=row.active_status and Status(row.active_status),
        )


_LETTER_ID = bindparam("letter_id", type_=dead_letters.c.id.type)
_LISTED = [
    dead_letters.c.id,
    dead_letters.c.execution_id,
    dead_letters.c.reason,
    dead_letters.c.attempts,
    dead_letters.c.at,
]
# What the collector remarks about a fault of the platform has this kind.
_NOT_OF_THE_PLATFORM = cast('$[*] ? (@.kind != "platform")', JSONPATH)
_FORGOTTEN = (
    "reason",
    "detail",
    *RESULT_FIELDS,
    "started_at",
    "finished_at",
    "cancel_requested_at",
)


def _requeue_statement() -> Select[Any]:
    """Everything in one statement, and the letter's lock first: a second call finds no letter."""
    letter = (
        select(dead_letters.c.id, dead_letters.c.execution_id, dead_letters.c.attempts)
        .where(dead_letters.c.id == _LETTER_ID)
        .with_for_update()
        .cte("letter")
    )
    requeued = (
        _queue_again(letter)
        .returning(
            executions.c.id.label("execution_id"),
            executions.c.language,
            executions.c.request.label("body"),
            executions.c.traceparent,
            (executions.c.attempts + 1).label("attempt"),
            executions.c.queued_at,
        )
        .cte("requeued")
    )
    removed = delete(dead_letters).where(
        dead_letters.c.id == _LETTER_ID, select(requeued.c.execution_id).exists()
    )
    return select(*requeued.c).add_cte(
        _note(requeued).cte("noted"), _ask_relay(requeued).cte("asked"), removed.cte("removed")
    )


def _queue_again(letter: CTE) -> Update:
    noted_attempt = (
        select(func.max(execution_events.c.attempt))
        .where(
            execution_events.c.execution_id == executions.c.id,
            execution_events.c.type.not_in(callback_events.ALL),
        )
        .correlate(executions)
        .scalar_subquery()
    )
    values: Mapping[str, Any] = {
        **dict.fromkeys(_FORGOTTEN, null()),
        "status": Status.QUEUED,
        "feedback": func.jsonb_path_query_array(executions.c.feedback, _NOT_OF_THE_PLATFORM),
        "queued_at": bindparam("at", type_=DateTime(timezone=True)),
        "traceparent": bindparam("new_traceparent", type_=Text),
        # An attempt that is known from the letter or from an event alone is over as well.
        "attempts": func.greatest(executions.c.attempts, letter.c.attempts, noted_attempt),
    }
    return (
        update(executions)
        .where(
            executions.c.id == letter.c.execution_id,
            may_happen(LifecycleEvent.REQUEUED),
        )
        .values(values)
    )


def _note(requeued: CTE) -> Insert:
    event = select(
        requeued.c.execution_id,
        literal(LifecycleEvent.REQUEUED, Text),
        requeued.c.queued_at,
        requeued.c.attempt,
        bindparam("note", type_=Text),
    )
    return (
        postgresql.insert(execution_events)
        .from_select(["execution_id", "type", "at", "attempt", "detail"], event)
        .on_conflict_do_nothing()
    )


def _ask_relay(requeued: CTE) -> Insert:
    """The outbox row, in the place of one that an earlier attempt may have left."""
    row = select(requeued.c.execution_id, func.now(), requeued.c.traceparent, requeued.c.attempt)
    columns = ["execution_id", "created_at", "traceparent", "attempt"]
    asked = postgresql.insert(outbox).from_select(columns, row)
    return asked.on_conflict_do_update(
        index_elements=["execution_id"],
        set_={name: asked.excluded[name] for name in columns[1:]},
    )


def _blocker_statement() -> Select[Any]:
    active = executions.alias("active")
    return (
        select(
            dead_letters.c.execution_id,
            executions.c.status,
            executions.c.reason,
            active.c.id.label("active_id"),
            active.c.status.label("active_status"),
        )
        .select_from(dead_letters)
        .outerjoin(executions, executions.c.id == dead_letters.c.execution_id)
        .outerjoin(
            active,
            (active.c.session_id == executions.c.session_id)
            & (active.c.id != executions.c.id)
            & active.c.status.in_(ACTIVE),
        )
        .where(dead_letters.c.id == _LETTER_ID)
    )


_REQUEUE = _requeue_statement()
_BLOCKER = _blocker_statement()
