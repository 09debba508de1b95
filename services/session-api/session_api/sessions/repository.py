"""Code sessions in PostgreSQL; each call is one statement, or two when the first found no row."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Engine,
    Executable,
    RowMapping,
    bindparam,
    func,
    insert,
    select,
    tuple_,
    update,
)

from runlet.clock import Clock
from runlet.ids import new_id
from runlet_http.cursors import Cursor
from runlet_postgres.prepared_statements import Prepared
from session_api.tables import (
    ACTIVE,
    INACTIVE,
    CodeSession,
    NewSession,
    OpaqueValue,
    Saved,
    code_sessions,
)

_INTEGER = re.compile(r"0|-?[1-9][0-9]*")


class SessionNotFoundError(Exception):
    """No session has this id."""


class SessionClosedError(Exception):
    """The session is closed, so its program no longer changes."""


class StaleRevisionError(Exception):
    """The session is at `revision`, which is none of those the caller accepts."""

    def __init__(self, revision: int) -> None:
        super().__init__(f"The session is at revision {revision}.")
        self.revision = revision


@dataclass(frozen=True)
class Changes:
    """What an autosave replaces; None leaves as it is."""

    source_code: str | None = None
    language: str | None = None


class SessionRepository:
    """Stores code sessions.

    The engine must be in autocommit mode. When the database does not answer, every method raises
    DatabaseUnavailableError.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def create(self, new: NewSession) -> CodeSession:
        """Store a session: active, at revision 1."""
        values = {**asdict(new), "id": new_id(self._clock.now()), "status": ACTIVE, "revision": 1}
        rows = self._rows(insert(code_sessions).values(values).returning(code_sessions))
        return CodeSession(**rows[0])

    def get(self, session_id: UUID) -> CodeSession:
        """The session with this id. Raises SessionNotFoundError."""
        with self._engine.connect() as connection:
            row = _GET.execute(connection, {"session_id": session_id}).mappings().first()
        if row is None:
            raise SessionNotFoundError
        return CodeSession(**row)

    def save(
        self, session_id: UUID, changes: Changes, accepted: frozenset[int] | None = None
    ) -> Saved:
        """Apply `changes` and count the revision up, if it is one of `accepted` (None: any).

        Raises SessionNotFoundError, SessionClosedError and StaleRevisionError.
        """
        columns = code_sessions.c
        conditions = [columns.id == session_id, columns.status == ACTIVE]
        if accepted is not None:
            conditions.append(columns.revision.in_(accepted))
        statement = (
            update(code_sessions)
            .where(*conditions)
            .values(revision=columns.revision + 1, updated_at=func.now(), **_given(changes))
            .returning(columns.id, columns.status, columns.revision, columns.updated_at)
        )
        rows = self._rows(statement)
        if not rows:
            raise self._reason_not_saved(session_id)
        return Saved(**rows[0])

    def close(self, session_id: UUID) -> bool:
        """Make the session inactive; False when it already was. Raises SessionNotFoundError."""
        columns = code_sessions.c
        statement = (
            update(code_sessions)
            .where(columns.id == session_id, columns.status == ACTIVE)
            .values(status=INACTIVE, updated_at=func.now())
            .returning(columns.id)
        )
        if self._rows(statement):
            return True
        if not self._rows(select(columns.id).where(columns.id == session_id)):
            raise SessionNotFoundError
        return False

    def newest(self, limit: int, user_id: str | None, after: Cursor | None) -> list[CodeSession]:
        """At most `limit` sessions, newest first, of one user or of all, that follow `after`."""
        columns = code_sessions.c
        conditions: list[ColumnElement[bool]] = []
        if user_id is not None:
            conditions.append(columns.user_id.in_(_forms(user_id)))
        if after is not None:
            place = tuple_(columns.created_at, columns.id)
            conditions.append(place < tuple_(after.created_at, after.id))
        statement = (
            select(code_sessions)
            .where(*conditions)
            .order_by(columns.created_at.desc(), columns.id.desc())
            .limit(limit)
        )
        return [CodeSession(**row) for row in self._rows(statement)]

    def _reason_not_saved(self, session_id: UUID) -> Exception:
        columns = code_sessions.c
        statement = select(columns.status, columns.revision).where(columns.id == session_id)
        rows = self._rows(statement)
        if not rows:
            return SessionNotFoundError()
        if rows[0]["status"] != ACTIVE:
            return SessionClosedError()
        return StaleRevisionError(rows[0]["revision"])

    def _rows(self, statement: Executable) -> Sequence[RowMapping]:
        with self._engine.connect() as connection:
            return connection.execute(statement).mappings().all()


# Every run reads its session.
_GET = Prepared("get", select(code_sessions).where(code_sessions.c.id == bindparam("session_id")))


def _given(changes: Changes) -> dict[str, Any]:
    return {name: value for name, value in asdict(changes).items() if value is not None}


def _forms(user_id: str) -> list[OpaqueValue]:
    """A query cannot tell 5 from "5", so it means both."""
    return [user_id, int(user_id)] if _INTEGER.fullmatch(user_id) else [user_id]
