"""Executions in a database, made as the execution API makes them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import RowMapping, Select, delete, func, insert, select, text, update

from execution_api.executions.repository import ExecutionRepository, NewExecution
from runlet import messages
from runlet.execution import Reason, Status
from runlet.limits import Limits
from runlet.messages import RunRequested
from runlet_postgres import engines
from runlet_postgres.execution_tables import (
    callback_attempts,
    callbacks,
    dead_letters,
    execution_events,
    executions,
    metadata,
    outbox,
)

CONNECTIONS = 15

# Of everything that `ExecutionsDatabase` adds.
TRACEPARENT = f"00-{'5a' * 16}-{'6b' * 8}-01"


def run_requested(session_id: UUID | None = None, language: str = "python") -> RunRequested:
    """A request to run a small program."""
    return RunRequested(
        execution_id=uuid4(),
        session_id=session_id or uuid4(),
        language=language,
        source_code="print(42)",
        limits=Limits(time_limit_ms=5000, memory_limit_mb=256, output_limit_bytes=1 << 20),
        queued_at=datetime.now(UTC),
    )


class ExecutionsDatabase:
    """A look behind the services, into the tables."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = engines.create_engine(url, "test", CONNECTIONS, autocommit=True)

    def add(self, request: RunRequested | None = None) -> RunRequested:
        """A queued execution, its event and its outbox row."""
        request = request or run_requested()
        body = messages.encode(request).decode()
        new = NewExecution(request, body, b"hash", None, TRACEPARENT)
        assert ExecutionRepository(self.engine).insert(new)
        return request

    def add_failed(self, request: RunRequested | None = None, attempts: int = 4) -> RunRequested:
        """An execution that the platform failed after so many attempts."""
        request = self.add(request)
        values = {
            "status": Status.FAILED,
            "reason": Reason.INFRASTRUCTURE,
            "detail": "Broken.",
            "attempts": attempts,
            "stdout": "part",
            "exit_code": 1,
            "compile": {"exit_code": 0, "stdout": "", "stderr": "", "time_ms": 1},
            "feedback": [
                {"kind": "loop", "line": 1, "message": "This loop may not end."},
                {"kind": "platform", "line": None, "message": "Broken."},
            ],
        }
        moments = dict.fromkeys(("started_at", "finished_at", "cancel_requested_at"), func.now())
        chosen = executions.c.id == request.execution_id
        with self.engine.connect() as connection:
            connection.execute(update(executions).where(chosen).values(**values, **moments))
            connection.execute(delete(outbox).where(outbox.c.execution_id == request.execution_id))
        return request

    def add_dead_letter(
        self, execution_id: UUID | None, attempts: int = 1, body: bytes = b"{}"
    ) -> UUID:
        """A dead letter of this execution, from now; its id."""
        letter_id = uuid4()
        values = {
            "id": letter_id,
            "execution_id": execution_id,
            "reason": "The sandbox did not start.",
            "attempts": attempts,
            "at": datetime.now(UTC),
            "type": "run.requested.v1",
            "body": body,
        }
        with self.engine.connect() as connection:
            connection.execute(insert(dead_letters).values(values))
        return letter_id

    def execution(self, execution_id: UUID) -> dict[str, Any]:
        """The row of an execution."""
        rows = self._rows(select(executions).where(executions.c.id == execution_id))
        return dict(rows[0])

    def traces(self) -> list[str | None]:
        """The traceparent of every execution."""
        return [row["traceparent"] for row in self._rows(select(executions.c.traceparent))]

    def events(self, execution_id: UUID) -> list[tuple[str, int]]:
        """Type and attempt of an execution's events, in the order in which they were stored."""
        query = select(execution_events).where(execution_events.c.execution_id == execution_id)
        return [(row["type"], row["attempt"]) for row in self._rows(query.order_by("id"))]

    def event_details(self, execution_id: UUID) -> dict[str, str | None]:
        """What the events say, by type."""
        query = select(execution_events).where(execution_events.c.execution_id == execution_id)
        return {row["type"]: row["detail"] for row in self._rows(query)}

    def ask_for_callback(self, request: RunRequested, url: str) -> RunRequested:
        """Give an execution a callback URL."""
        values = {"url": url, "id": request.execution_id}
        self.run("UPDATE executions SET callback_url = :url WHERE id = :id", **values)
        return request

    def callback(self, execution_id: UUID) -> RowMapping | None:
        """The callback of an execution, if one was asked for."""
        rows = self._rows(select(callbacks).where(callbacks.c.execution_id == execution_id))
        return rows[0] if rows else None

    def callback_attempts(self, execution_id: UUID) -> list[tuple[int, int | None, str | None]]:
        """Number, HTTP status and problem of the attempts at a callback."""
        tried = callback_attempts.c
        query = select(tried.attempt, tried.http_status, tried.problem)
        ordered = query.where(tried.execution_id == execution_id).order_by(tried.attempt)
        return [(row["attempt"], row["http_status"], row["problem"]) for row in self._rows(ordered)]

    def outbox(self) -> set[UUID]:
        """The executions whose requests are not known to be with the broker."""
        return {row["execution_id"] for row in self._rows(select(outbox))}

    def dead_letters(self) -> list[RowMapping]:
        """All dead letters."""
        return self._rows(select(dead_letters))

    def run(self, statement: str, **values: object) -> None:
        """Do something no service does."""
        with self.engine.connect() as connection:
            connection.execute(text(statement), values)

    def close(self) -> None:
        """Empty the tables for the next test and disconnect."""
        self.run(f"TRUNCATE {', '.join(metadata.tables)}")
        self.engine.dispose()

    def _rows(self, query: Select[Any]) -> list[RowMapping]:
        with self.engine.connect() as connection:
            return list(connection.execute(query).mappings())
