"""Executions that nothing comes of, made by hand."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from runlet.messages import RunRequested
from runlet_postgres.execution_tables import outbox
from support.databases.event_factory import started
from support.databases.executions import ExecutionsDatabase, run_requested
from support.databases.stores import store


def ago(seconds: float) -> datetime:
    """A moment in the past."""
    return datetime.now(UTC) - timedelta(seconds=seconds)


def queued(database: ExecutionsDatabase, seconds: float, language: str = "python") -> RunRequested:
    """An execution accepted so long ago, whose request the broker has confirmed."""
    request = database.add(run_requested(language=language))
    forget_outbox(database, request)
    make_older(database, request, seconds)
    return request


def running(
    database: ExecutionsDatabase, seconds: float, attempt: int = 1, language: str = "python"
) -> RunRequested:
    """An execution that was accepted and has started so long ago."""
    request = queued(database, seconds, language)
    store(database, started(request, attempt))
    make_older(database, request, seconds)
    return request


def make_older(database: ExecutionsDatabase, request: RunRequested, seconds: float) -> None:
    """Move the beginning of an execution into the past."""
    database.run(
        "UPDATE executions SET created_at = :at, queued_at = :at, stored_at = :at,"
        " started_at = CASE WHEN started_at IS NULL THEN NULL ELSE CAST(:at AS timestamptz) END"
        " WHERE id = :id",
        at=ago(seconds),
        id=request.execution_id,
    )
    database.run(
        "UPDATE execution_events SET at = :at, stored_at = :at WHERE execution_id = :id",
        at=ago(seconds),
        id=request.execution_id,
    )


def let_pass(database: ExecutionsDatabase, request: RunRequested, seconds: float) -> None:
    """Let time pass by the database's clock, after all that has happened to an execution."""
    database.run(
        "UPDATE execution_events SET stored_at = stored_at - :time WHERE execution_id = :id",
        time=timedelta(seconds=seconds),
        id=request.execution_id,
    )


def ask_to_cancel(database: ExecutionsDatabase, request: RunRequested, seconds: float) -> None:
    """Note a request to cancel, made so long ago."""
    database.run(
        "UPDATE executions SET cancel_requested_at = :at WHERE id = :id",
        at=ago(seconds),
        id=request.execution_id,
    )
    database.run(
        "INSERT INTO execution_events (execution_id, type, at, attempt, stored_at)"
        " SELECT id, 'cancel_requested', :at, attempts, :at FROM executions WHERE id = :id",
        at=ago(seconds),
        id=request.execution_id,
    )


def forget_outbox(database: ExecutionsDatabase, request: RunRequested) -> None:
    """What happens once the broker has confirmed a request."""
    database.run("DELETE FROM outbox WHERE execution_id = :id", id=request.execution_id)


def attempt_in_outbox(database: ExecutionsDatabase, request: RunRequested) -> int | None:
    """The attempt that the request to be published starts; None when there is none."""
    query = select(outbox.c.attempt).where(outbox.c.execution_id == request.execution_id)
    with database.engine.connect() as connection:
        return connection.execute(query).scalar_one_or_none()
