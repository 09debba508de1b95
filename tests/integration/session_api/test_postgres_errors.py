"""What a library raises is raised in the project's own terms."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from runlet_postgres import engines
from runlet_postgres.errors import (
    ConstraintViolatedError,
    DatabaseUnavailableError,
    InvalidDataError,
)


@pytest.fixture
def engine(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An engine with one connection, for which nobody waits long."""
    monkeypatch.setattr(engines, "POOL_WAIT_SECONDS", 0.01)
    engine = engines.create_engine(database_url, "test", 1, autocommit=True)
    yield engine
    engine.dispose()


def run(engine: Engine, *statements: str) -> None:
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))


def test_a_server_that_is_away_is_unavailable() -> None:
    engine = engines.create_engine(
        "postgresql+psycopg2://nobody@127.0.0.1:1/none", "test", 1, autocommit=True
    )
    with pytest.raises(DatabaseUnavailableError):
        run(engine, "SELECT 1")


def test_a_connection_that_the_server_ends_is_unavailable(engine: Engine) -> None:
    with pytest.raises(DatabaseUnavailableError):
        run(engine, "SELECT pg_terminate_backend(pg_backend_pid())", "SELECT 1")
    run(engine, "SELECT 1")


def test_a_slow_statement_is_unavailable(engine: Engine) -> None:
    with pytest.raises(DatabaseUnavailableError):
        run(engine, "SET statement_timeout = 10", "SELECT pg_sleep(10)")


def test_a_busy_pool_is_unavailable(engine: Engine) -> None:
    with engine.connect(), pytest.raises(DatabaseUnavailableError):
        run(engine, "SELECT 1")


def test_a_standby_is_unavailable_for_writes(engine: Engine) -> None:
    with pytest.raises(DatabaseUnavailableError):
        run(engine, "SET default_transaction_read_only = on", "CREATE TABLE refused ()")


def commit_a_duplicate(engine: Engine) -> None:
    """Break a rule that is looked at when the transaction ends."""
    with engines.transaction(engine) as connection:
        for statement in (
            "CREATE TEMP TABLE numbers (a int CONSTRAINT once UNIQUE DEFERRABLE)",
            "SET CONSTRAINTS ALL DEFERRED",
            "INSERT INTO numbers VALUES (1), (1)",
        ):
            connection.execute(text(statement))


def test_a_commit_that_fails_is_mapped_as_well(engine: Engine) -> None:
    with pytest.raises(ConstraintViolatedError) as caught:
        commit_a_duplicate(engine)
    assert caught.value.constraint == "once"


def test_values_that_do_not_fit_are_invalid_and_not_shown(engine: Engine) -> None:
    with engine.connect() as connection, pytest.raises(InvalidDataError) as caught:
        connection.execute(text("SELECT CAST(:text AS int)"), {"text": "1\nsecret"})
    assert "secret" not in str(caught.value)


def test_a_defect_stays_what_it_is(engine: Engine) -> None:
    with pytest.raises(DBAPIError, match="missing"):
        run(engine, "SELECT missing()")


@pytest.mark.parametrize("statement", ["SELECT missing FROM pg_class", "SELECT 1 FROM missing"])
def test_a_database_without_the_schema_is_unavailable_until_it_is_migrated(
    engine: Engine, statement: str
) -> None:
    with pytest.raises(DatabaseUnavailableError, match="missing"):
        run(engine, statement)
