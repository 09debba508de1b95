"""Executions in PostgreSQL: accepting one, and reading them back."""

from collections.abc import Mapping
from contextlib import suppress
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
    select,
    tuple_,
)
from sqlalchemy.dialects import postgresql

from execution_api.runs import rate_limits
from execution_api.runs.rate_limits import RateLimitCheck
from runlet.execution import ACTIVE, FIRST_ATTEMPT, Status
from runlet.messages import RunRequested
from runlet_http.cursors import Cursor
from runlet_postgres import engines
from runlet_postgres.execution_rows import COLUMNS
from runlet_postgres.execution_tables import execution_events, executions, outbox
from runlet_postgres.prepared_statements import Prepared
from runlet_telemetry.trace_context import trace_note


@dataclass(frozen=True)
class NewExecution:
    """A run about to be accepted."""

    request: RunRequested
    body: str
    request_hash: bytes
    idempotency_key: str | None
    traceparent: str
    callback_url: str | None = None


@dataclass(frozen=True)
class KnownExecution:
    """What accepting a run needs to know of one that is there already."""

    execution_id: UUID
    status: Status
    request_hash: bytes


class _RollbackError(Exception):
    """Undoes the transaction: what is not accepted counts for nothing."""


def _take(connection: Connection, check: RateLimitCheck) -> None:
    if not rate_limits.take(connection, check):
        raise _RollbackError


class ExecutionRepository:
    """Reads and writes executions; the engine must be in autocommit mode."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def insert(self, new: NewExecution, check: RateLimitCheck | None = None) -> bool:
        """Store execution, event and outbox row, and count the run, all or nothing.

        False when the session has an active execution or has used the idempotency key before.
        Raises RateLimitedError when the run is not within `check`.
        """
        if check is None:
            with self._engine.connect() as connection:
                return _ACCEPT.execute(connection, _accept_values(new)).first() is not None
        try:
            with engines.transaction(self._engine) as connection:
                _take(connection, check)
                if _ACCEPT.execute(connection, _accept_values(new)).first() is None:
                    raise _RollbackError
        except _RollbackError:
            return False
        return True

    def check_rate_limits(self, check: RateLimitCheck) -> None:
        """Raises RateLimitedError when a run would not be within `check`; it counts no run."""
        with suppress(_RollbackError), engines.transaction(self._engine) as connection:
            _take(connection, check)
            raise _RollbackError

    def find_active(self, session_id: UUID) -> KnownExecution | None:
        """The session's execution that is not over."""
        return self._find_known(session_id, executions.c.status.in_(ACTIVE))

    def find_by_key(self, session_id: UUID, key: str) -> KnownExecution | None:
        """The execution that was made with this idempotency key."""
        return self._find_known(session_id, executions.c.idempotency_key == key)

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

    def _find_known(
        self, session_id: UUID, condition: ColumnElement[bool]
    ) -> KnownExecution | None:
        query = select(*_KNOWN).where(executions.c.session_id == session_id, condition)
        with self._engine.connect() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        return KnownExecution(row.id, Status(row.status), bytes(row.request_hash))


_FIND = Prepared("find", select(*COLUMNS).where(executions.c.id == bindparam("execution_id")))
_KNOWN = [
    executions.c.id,
    executions.c.status,
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
        "traceparent": new.traceparent,
        "note": trace_note(new.traceparent),
    }
