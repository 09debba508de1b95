"""Sessions that were closed or left alone for longer than they are kept are removed."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, event, func, select, update

from runlet.clock import SystemClock
from runlet.lifecycle import StopSignal
from runlet_postgres import engines
from runlet_telemetry.supervision import LoopContext
from session_api import bootstrap
from session_api.config import Config
from session_api.sessions import retention
from session_api.sessions.repository import Changes, SessionRepository
from session_api.sessions.retention import SessionRetention
from session_api.tables import NewSession, code_sessions
from support.telemetry.metrics import rise
from support.wait_until import eventually

KEEP = timedelta(days=365)
LONG_AGO, LATELY = timedelta(days=366), timedelta(days=364)
NOWHERE = "postgresql+psycopg2://nobody@127.0.0.1:1/none"


@pytest.fixture
def engine(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A database without sessions, of which few fit into a batch."""
    monkeypatch.setattr(retention, "BATCH_SIZE", 2)
    monkeypatch.setattr(retention, "PAUSE_SECONDS", 0)
    engine = engines.create_engine(database_url, "test", 3, autocommit=True)
    with engine.connect() as connection:
        connection.execute(code_sessions.delete())
    yield engine
    engine.dispose()


def add(engine: Engine, begun: timedelta, touched: timedelta, *, closed: bool = False) -> UUID:
    """A session that began, and was saved or closed last, so long ago."""
    repository = SessionRepository(engine, SystemClock())
    session_id = repository.create(NewSession("python", "")).id
    if closed:
        repository.close(session_id)
    ages = {"created_at": func.now() - begun, "updated_at": func.now() - touched}
    with engine.connect() as connection:
        connection.execute(
            update(code_sessions).where(code_sessions.c.id == session_id).values(ages)
        )
    return session_id


def remaining(engine: Engine) -> set[UUID]:
    with engine.connect() as connection:
        return set(connection.execute(select(code_sessions.c.id)).scalars())


def remove_old(engine: Engine) -> None:
    SessionRetention(engine, KEEP).remove_old(StopSignal())


def test_only_what_was_neither_saved_nor_closed_for_so_long_is_removed(engine: Engine) -> None:
    add(engine, LONG_AGO, LONG_AGO)
    add(engine, LONG_AGO, LONG_AGO, closed=True)
    kept = {
        add(engine, LATELY, LATELY),
        add(engine, LONG_AGO, LATELY),
        add(engine, LONG_AGO, LATELY, closed=True),
    }

    remove_old(engine)

    assert remaining(engine) == kept


def test_sessions_that_stay_do_not_hide_old_ones_behind_them(engine: Engine) -> None:
    older = LONG_AGO + timedelta(days=1)
    kept = {add(engine, older, LATELY) for _ in range(5)}
    for _ in range(5):
        add(engine, LONG_AGO, LONG_AGO)
    removed = rise("runlet_retention_removed_total", table="code_sessions")

    remove_old(engine)

    assert remaining(engine) == kept
    assert removed() == 5


def test_a_session_that_another_process_holds_is_left_for_later(engine: Engine) -> None:
    held = add(engine, LONG_AGO, LONG_AGO)
    lock = select(code_sessions.c.id).where(code_sessions.c.id == held).with_for_update()
    with engines.transaction(engine) as connection:
        connection.execute(lock)
        remove_old(engine)
    assert remaining(engine) == {held}

    remove_old(engine)

    assert remaining(engine) == set()


def test_a_session_that_is_saved_just_before_its_removal_stays(engine: Engine) -> None:
    session_id = add(engine, LONG_AGO, LONG_AGO)
    repository = SessionRepository(engine, SystemClock())

    def save_first(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("DELETE"):
            repository.save(session_id, Changes(source_code="x"))

    event.listen(engine, "before_cursor_execute", save_first)
    remove_old(engine)

    assert remaining(engine) == {session_id}


def test_a_database_that_is_away_does_not_end_the_loop() -> None:
    context = LoopContext(max_silence_seconds=60)
    looks = iter([False, True])
    context.is_set = lambda: next(looks)  # type: ignore[method-assign]
    context.wait = lambda seconds=None: False  # type: ignore[method-assign]
    away = engines.create_engine(NOWHERE, "test", 1, autocommit=True)

    SessionRetention(away, KEEP).loop().run(context)

    assert next(looks, None) is None


def test_the_process_removes_them_while_it_serves(engine: Engine, database_url: str) -> None:
    add(engine, LONG_AGO, LONG_AGO)
    api = bootstrap.create_api(Config(database_url=database_url))

    api.start()

    eventually(lambda: not remaining(engine))
    assert api.app.test_client().get("/health").status_code == 200
    api.close()
