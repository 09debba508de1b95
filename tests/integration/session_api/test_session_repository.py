"""How sessions are stored."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
from sqlalchemy import Engine, event, text

from runlet.clock import SystemClock
from runlet_postgres.engines import create_engine
from runlet_postgres.errors import InvalidDataError
from session_api.sessions.repository import Changes, SessionNotFoundError, SessionRepository
from session_api.tables import NewSession


@pytest.fixture(scope="module")
def engine(database_url: str) -> Iterator[Engine]:
    """The service's own kind of connections."""
    made = create_engine(database_url, "test", pool_size=1, autocommit=True)
    yield made
    made.dispose()


@contextmanager
def statements_of(engine: Engine) -> Iterator[list[str]]:
    """The first words of the statements that are sent meanwhile."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement.split()[0])

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


def test_an_autosave_is_one_statement(engine: Engine) -> None:
    repository = SessionRepository(engine, SystemClock())
    session = repository.create(NewSession("python", ""))
    with statements_of(engine) as statements:
        repository.save(session.id, Changes(source_code="x"), frozenset({1}))
    assert statements == ["UPDATE"]


def test_only_a_save_without_effect_asks_for_the_reason(engine: Engine) -> None:
    repository = SessionRepository(engine, SystemClock())
    with statements_of(engine) as statements, pytest.raises(SessionNotFoundError):
        repository.save(uuid4(), Changes(source_code="x"))
    assert statements == ["UPDATE", "SELECT"]


def test_errors_of_the_database_do_not_show_programs(engine: Engine) -> None:
    with engine.connect() as connection, pytest.raises(InvalidDataError) as caught:
        connection.execute(text("SELECT 1 / 0, :program"), {"program": "a secret idea"})
    assert "secret" not in str(caught.value)


def test_the_server_ends_slow_statements_itself(engine: Engine) -> None:
    with engine.connect() as connection:
        assert connection.execute(text("SHOW statement_timeout")).scalar() == "5s"
