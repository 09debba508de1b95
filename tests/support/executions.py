"""Executions in a database, made as the execution API makes them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy
from sqlalchemy import RowMapping, select, text

from execution_api.models import dead_letters, execution_events, executions, metadata, outbox
from execution_api.repository import ExecutionRepository, NewExecution
from runlet import messages
from runlet.limits import Limits
from runlet.messages import RunRequested


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
        self.engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")

    def add(self, request: RunRequested | None = None) -> RunRequested:
        """A queued execution, its event and its outbox row."""
        request = request or run_requested()
        body = messages.encode(request).decode()
        new = NewExecution(request, body, b"hash", None, "00-trace")
        assert ExecutionRepository(self.engine).insert(new)
        return request

    def execution(self, execution_id: UUID) -> dict[str, Any]:
        """The row of an execution."""
        rows = self._rows(select(executions).where(executions.c.id == execution_id))
        return dict(rows[0])

    def events(self, execution_id: UUID) -> list[tuple[str, int]]:
        """Type and attempt of an execution's events, in the order in which they were stored."""
        query = select(execution_events).where(execution_events.c.execution_id == execution_id)
        return [(row["type"], row["attempt"]) for row in self._rows(query.order_by("id"))]

    def event_details(self, execution_id: UUID) -> dict[str, str | None]:
        """What the events say, by type."""
        query = select(execution_events).where(execution_events.c.execution_id == execution_id)
        return {row["type"]: row["detail"] for row in self._rows(query)}

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

    def _rows(self, query: sqlalchemy.Select[Any]) -> list[RowMapping]:
        with self.engine.connect() as connection:
            return list(connection.execute(query).mappings())
