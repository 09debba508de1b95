"""What is too old goes, and nothing else."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs

from result_collector.retention import executions
from result_collector.retention.executions import Retention
from runlet.clock import SystemClock
from runlet.lifecycle import StopSignal
from runlet.messages import RunRequested
from runlet_postgres import engines
from runlet_postgres.errors import DatabaseUnavailableError
from support.broker.collectors import running_collector
from support.databases import stuck_executions
from support.databases.event_factory import finished, started
from support.databases.executions import ExecutionsDatabase
from support.databases.stores import delivery, store, store_deliveries
from support.parallel import at_once
from support.wait_until import eventually

DAY = 86_400
OLD, YOUNG = 30 * DAY + 60, 30 * DAY - 60


def clean_up(database: ExecutionsDatabase, stop: StopSignal | None = None) -> None:
    """Do what a collector does every hour, with the default setting."""
    engine = database.engine.execution_options(isolation_level="READ COMMITTED")
    Retention(engine, SystemClock(), timedelta(days=30)).turn(stop or StopSignal())


def ended(database: ExecutionsDatabase, seconds: float) -> RunRequested:
    """An execution that has ended so long ago."""
    request = stuck_executions.queued(database, seconds)
    store(database, started(request), finished(request))
    stuck_executions.make_older(database, request, seconds)
    database.run(
        "UPDATE executions SET finished_at = :at WHERE id = :id",
        at=stuck_executions.ago(seconds),
        id=request.execution_id,
    )
    return request


def ids(database: ExecutionsDatabase, table: str = "executions", key: str = "id") -> set[UUID]:
    """What is left in a table."""
    with database.engine.connect() as connection:
        return set(connection.execute(text(f"SELECT {key} FROM {table}")).scalars())


def test_executions_go_with_their_events_once_they_ended_long_enough_ago(
    database: ExecutionsDatabase,
) -> None:
    _old, young = ended(database, OLD), ended(database, YOUNG)
    clean_up(database)
    assert ids(database) == {young.execution_id}
    assert ids(database, "execution_events", "execution_id") == {young.execution_id}


def test_an_execution_that_began_long_ago_and_ended_lately_stays(
    database: ExecutionsDatabase,
) -> None:
    request = stuck_executions.queued(database, OLD)
    store(database, finished(request))
    clean_up(database)
    assert ids(database) == {request.execution_id}


def test_active_executions_stay_however_old_they_are(database: ExecutionsDatabase) -> None:
    active = {
        stuck_executions.queued(database, OLD).execution_id,
        stuck_executions.running(database, OLD).execution_id,
    }
    clean_up(database)
    assert ids(database) == active


def test_an_old_outbox_row_stays_while_its_execution_is_queued(
    database: ExecutionsDatabase,
) -> None:
    waiting, begun, lately = (database.add() for _ in range(3))
    for request in (waiting, begun):
        database.run(
            "UPDATE outbox SET created_at = :at WHERE execution_id = :id",
            at=stuck_executions.ago(OLD),
            id=request.execution_id,
        )
    for request in (begun, lately):
        store(database, started(request))
    clean_up(database)
    assert database.outbox() == {waiting.execution_id, lately.execution_id}
    assert len(ids(database)) == 3


def test_old_dead_letters_go(database: ExecutionsDatabase) -> None:
    store_deliveries(database, delivery("old", b"1"), delivery("young", b"2"))
    for name, seconds in (("old", OLD), ("young", YOUNG)):
        at = stuck_executions.ago(seconds)
        database.run("UPDATE dead_letters SET at = :at WHERE type = :name", at=at, name=name)
    clean_up(database)
    assert [letter["type"] for letter in database.dead_letters()] == ["young"]


def test_many_rows_go_in_small_batches(
    database: ExecutionsDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executions, "PAUSE_SECONDS", 0)
    fill(database, 1200)
    clean_up(database)
    assert ids(database) == set()


def test_a_stop_is_seen_between_batches(database: ExecutionsDatabase) -> None:
    fill(database, 1200)
    stop = StopSignal()
    stop.set()
    clean_up(database, stop)
    assert len(ids(database)) == 1200 - executions.BATCH_SIZE


def test_collectors_side_by_side_do_not_hinder_each_other(
    database: ExecutionsDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executions, "PAUSE_SECONDS", 0)
    fill(database, 2200)
    at_once(3, lambda: clean_up(database))
    clean_up(database)
    assert ids(database) == set()


def test_a_collector_keeps_as_many_days_as_it_is_told(
    database: ExecutionsDatabase, amqp_url: str
) -> None:
    _older, younger = ended(database, 2 * DAY + 60), ended(database, 2 * DAY - 60)
    with running_collector(database.url, amqp_url, retention_days=2):
        eventually(lambda: ids(database) == {younger.execution_id})


SLOW_DELETE = """
    CREATE FUNCTION sleep() RETURNS trigger LANGUAGE plpgsql
    AS 'BEGIN PERFORM pg_sleep(0.05); RETURN OLD; END';
    CREATE TRIGGER slow_delete BEFORE DELETE ON executions
    FOR EACH ROW EXECUTE FUNCTION sleep();
"""
FAST_DELETE = "DROP TRIGGER slow_delete ON executions; DROP FUNCTION sleep;"


def test_rows_that_take_long_go_in_batches_that_the_database_finishes(
    database: ExecutionsDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than a statement may take, if all went at once."""
    monkeypatch.setattr(executions, "BATCH_SIZE", 120)
    fill(database, 110)
    database.run(SLOW_DELETE)
    engine = engines.create_engine(database.url, "retention", 1, autocommit=False)
    with capture_logs() as logs:
        Retention(engine, SystemClock(), timedelta(days=30)).turn(StopSignal())
    database.run(FAST_DELETE)
    engine.dispose()
    assert ids(database) == set()
    assert "retention_batch_halved" in {line["event"] for line in logs}


REFUSED_DELETE = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$;
    CREATE TRIGGER refused_delete BEFORE DELETE ON executions
    FOR EACH ROW EXECUTE FUNCTION refuse();
"""


def test_a_row_that_cannot_go_keeps_no_other_table_from_being_cleaned(
    database: ExecutionsDatabase,
) -> None:
    request = ended(database, OLD)
    store_deliveries(database, delivery("old", b"1"))
    database.run("UPDATE dead_letters SET at = :at", at=stuck_executions.ago(OLD))
    database.run(REFUSED_DELETE)
    with pytest.raises(DBAPIError, match="refused"):
        clean_up(database)
    assert ids(database) == {request.execution_id}
    assert not database.dead_letters()


def test_a_database_that_is_away_ends_the_turn() -> None:
    engine = engines.create_engine(
        "postgresql+psycopg2://x@127.0.0.1:1/x", "x", 1, autocommit=False
    )
    with pytest.raises(DatabaseUnavailableError):
        Retention(engine, SystemClock(), timedelta(days=30)).turn(StopSignal())


def fill(database: ExecutionsDatabase, count: int) -> None:
    """Many old executions, copies of one."""
    request = ended(database, OLD)
    database.run(
        "INSERT INTO executions (id, session_id, language, status, request, limits, request_hash,"
        " created_at, queued_at, finished_at) SELECT gen_random_uuid(), session_id, language,"
        " status, request, limits, request_hash, created_at, queued_at, finished_at"
        " FROM executions, generate_series(2, :count) WHERE id = :id",
        count=count,
        id=request.execution_id,
    )
