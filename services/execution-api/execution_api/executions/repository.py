"""Executions in PostgreSQL: accepting one, and reading them back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Insert,
    RowMapping,
    Text,
    bindparam,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects import postgresql

from execution_api.executions.trace_notes import trace_note
from execution_api.runs import rate_limit_store
from execution_api.runs.rate_limits import Claim
from execution_api.tables import FIRST_ATTEMPT, execution_events, executions, outbox
from runlet.execution import ACTIVE, FeedbackNote, Status
from runlet.messages import RunRequested
from runlet_http.cursors import Cursor
from runlet_postgres import engines
from runlet_postgres.prepared_statements import Prepared


@dataclass(frozen=True)
class NewExecution:
    """A run about to be accepted."""

    request: RunRequested
    body: str
    request_hash: bytes
    idempotency_key: str | None
    traceparent: str
    callback_url: str | None = None
    feedback: tuple[FeedbackNote, ...] = ()


@dataclass(frozen=True)
class KnownExecution:
    """What accepting a run needs to know of one that is there already."""

    execution_id: UUID
    status: Status
    idempotency_key: str | None
    request_hash: bytes


class _NotAcceptedError(Exception):
    """Undoes the transaction: what is refused counts for nothing."""


class ExecutionRepository:
    """Reads and writes executions; the engine must be in autocommit mode."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def insert(self, new: NewExecution, claim: Claim | None = None) -> bool:
        """Store execution, event and outbox row, and count the run, all or nothing.

        False when the session has an active execution or has used the idempotency key before.
        Raises OverLimitError when the run is not within `claim`.
        """
        if claim is None:
            with self._engine.connect() as connection:
                return _ACCEPT.execute(connection, _accept_values(new)).first() is not None
        try:
            with engines.transaction(self._engine) as connection:
                self._insert_within(connection, new, claim)
        except _NotAcceptedError:
            return False
        return True

    @staticmethod
    def _insert_within(connection: Connection, new: NewExecution, claim: Claim) -> None:
        if not rate_limit_store.take(connection, claim):
            raise _NotAcceptedError
        if _ACCEPT.execute(connection, _accept_values(new)).first() is None:
            raise _NotAcceptedError

    def find_competing(self, session_id: UUID, key: str | None) -> list[KnownExecution]:
        """The session's executions that are active, and the one that was made with `key`."""
        competes: ColumnElement[bool] = executions.c.status.in_(ACTIVE)
        if key is not None:
            competes = or_(competes, executions.c.idempotency_key == key)
        return self._find_known(session_id, competes)

    def find_by_key(self, session_id: UUID, key: str) -> KnownExecution | None:
        """The execution that was made with this idempotency key."""
        return next(iter(self._find_known(session_id, executions.c.idempotency_key == key)), None)

    def count_queued(self, at_most: int) -> int:
        """How many executions are queued; counting stops at `at_most`."""
        queued = select(executions.c.id).where(executions.c.status == Status.QUEUED)
        counted = select(func.count()).select_from(queued.limit(at_most).subquery())
        with self._engine.connect() as connection:
            return connection.execute(counted).scalar_one()

    def find(self, execution_id: UUID) -> dict[str, Any] | None:
        """A whole execution but for its request."""
        with self._engine.connect() as connection:
            row = _FIND.execute(connection, {"execution_id": execution_id}).mappings().first()
        return None if row is None else dict(row)

    def events(self, execution_id: UUID) -> list[RowMapping] | None:
        """The lifecycle, oldest first; None for an unknown execution."""
        query = (
            select(execution_events)
            .where(execution_events.c.execution_id == execution_id)
            .order_by(execution_events.c.at, execution_events.c.id)
        )
        with self._engine.connect() as connection:
            # An execution has its `queued` event from the beginning.
            return list(connection.execute(query).mappings()) or None

    def page(self, session_id: UUID, limit: int, after: Cursor | None) -> list[RowMapping]:
        """At most `limit` executions of a session, newest first, older than `after`."""
        position = tuple_(executions.c.created_at, executions.c.id)
        query = select(*_LISTED).where(executions.c.session_id == session_id)
        if after is not None:
            query = query.where(position < tuple_(after.created_at, after.id))
        query = query.order_by(executions.c.created_at.desc(), executions.c.id.desc())
        with self._engine.connect() as connection:
            return list(connection.execute(query.limit(limit)).mappings())

    def _find_known(self, session_id: UUID, condition: ColumnElement[bool]) -> list[KnownExecution]:
        query = select(*_KNOWN).where(executions.c.session_id == session_id, condition)
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return [
            KnownExecution(id_, Status(status), key, bytes(hash_))
            for id_, status, key, hash_ in rows
        ]


_HIDDEN = {
    "request",
    "idempotency_key",
    "request_hash",
    "detail",
    "cancel_requested_at",
    "callback_url",
    "traceparent",
}
_SHOWN = [column for column in executions.c if column.name not in _HIDDEN]
_FIND = Prepared("find", select(*_SHOWN).where(executions.c.id == bindparam("execution_id")))
_KNOWN = [
    executions.c.id,
    executions.c.status,
    executions.c.idempotency_key,
    executions.c.request_hash,
]
_LISTED = [
    executions.c.id,
    executions.c.status,
    executions.c.execution_time_ms,
    executions.c.exit_code,
    executions.c.created_at,
]
_ACCEPTED = (
    "id",
    "session_id",
    "language",
    "status",
    "request",
    "limits",
    "idempotency_key",
    "request_hash",
    "created_at",
    "queued_at",
    "callback_url",
    "traceparent",
    "feedback",
)


def _accept_statement() -> Insert:
    """Three inserts in one statement: one round trip, and atomic without a BEGIN and a COMMIT."""
    accepted = (
        postgresql.insert(executions)
        .values({name: bindparam(name) for name in _ACCEPTED})
        .on_conflict_do_nothing()
        .returning(executions.c.id, executions.c.queued_at, executions.c.traceparent)
        .cte("accepted")
    )
    queued = (
        insert(execution_events)
        .from_select(
            ["execution_id", "type", "at", "attempt", "detail"],
            select(
                accepted.c.id,
                literal("queued"),
                accepted.c.queued_at,
                literal(FIRST_ATTEMPT),
                bindparam("note", type_=Text),
            ),
        )
        .cte("queued")
    )
    return (
        insert(outbox)
        .from_select(["execution_id", "traceparent"], select(accepted.c.id, accepted.c.traceparent))
        .add_cte(queued)
        .returning(outbox.c.execution_id)
    )


_ACCEPT = Prepared("accept", _accept_statement())


def _accept_values(new: NewExecution) -> Mapping[str, Any]:
    request = new.request
    return {
        "id": request.execution_id,
        "session_id": request.session_id,
        "language": request.language,
        "status": Status.QUEUED,
        "request": new.body,
        "limits": msgspec.to_builtins(request.limits),
        "idempotency_key": new.idempotency_key,
        "request_hash": new.request_hash,
        "created_at": request.queued_at,
        "queued_at": request.queued_at,
        "callback_url": new.callback_url,
        "feedback": msgspec.to_builtins(new.feedback),
        "traceparent": new.traceparent,
        "note": trace_note(new.traceparent),
    }
