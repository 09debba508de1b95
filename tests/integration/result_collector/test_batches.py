"""Batches side by side, and batches that fail half-way."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, text
from structlog.testing import capture_logs

from result_collector.ingest import pending_writes
from result_collector.ingest.batch_writer import BatchWriter
from result_collector.ingest.pending_writes import PendingWrite
from result_collector.ingest.store import Store, Stored
from runlet.clock import SystemClock
from runlet.messages import RunRequested
from runlet_amqp.consumer import Delivery
from runlet_postgres import engines
from runlet_postgres.errors import DatabaseUnavailableError
from runlet_telemetry.tracing import OFF
from support.databases.event_factory import finished
from support.databases.executions import ExecutionsDatabase
from support.databases.stores import delivered
from support.wait_until import eventually

COLLECTORS = "collectors of a test"


@pytest.fixture
def engine(database: ExecutionsDatabase) -> Iterator[Engine]:
    """As the collector makes it."""
    made = engines.create_engine(database.url, COLLECTORS, 2, autocommit=True)
    yield made
    made.dispose()


def ends_of(requests: Sequence[RunRequested]) -> list[PendingWrite]:
    """Their ends, read."""
    now = datetime.now(UTC)
    return [pending_writes.read(delivered(finished(request)), now) for request in requests]


@contextmanager
def locked(engine: Engine, request: RunRequested) -> Iterator[None]:
    """An execution that somebody else works on."""
    with engine.connect() as connection, connection.begin():
        connection.execute(
            text("SELECT 1 FROM executions WHERE id = :id FOR UPDATE"),
            {"id": request.execution_id},
        )
        yield


def waiting(database: ExecutionsDatabase) -> int:
    """How many collectors wait for a lock."""
    query = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE application_name = :name AND wait_event_type = 'Lock'"
    )
    with database.engine.connect() as connection:
        return int(connection.execute(query, {"name": COLLECTORS}).scalar_one())


def test_two_collectors_with_the_same_executions_in_opposite_orders_both_store_them(
    database: ExecutionsDatabase, engine: Engine
) -> None:
    """Each would hold what the other waits for, if they locked in the order of arrival."""
    low, high = sorted((database.add() for _ in range(2)), key=lambda each: each.execution_id)
    other = database.engine.execution_options(isolation_level="READ COMMITTED")
    store = Store(engine, SystemClock())
    with ThreadPoolExecutor(2) as threads:
        with locked(other, low):
            first = threads.submit(store.apply, ends_of([low, high]))
            eventually(lambda: waiting(database) == 1)
            second = threads.submit(store.apply, ends_of([high, low]))
            eventually(lambda: waiting(database) == 2)
        changed = [[each.changed for each in batch.result()] for batch in (first, second)]
    assert sorted(changed) == [[False, False], [True, True]]


def test_what_became_of_deliveries_comes_in_the_order_in_which_they_came(
    database: ExecutionsDatabase, engine: Engine
) -> None:
    requests = sorted((database.add() for _ in range(5)), key=lambda each: each.execution_id)
    requests.reverse()
    stored = Store(engine, SystemClock()).apply(ends_of(requests))
    ended = [each.ended["id"] for each in stored if each.ended]
    assert ended == [request.execution_id for request in requests]


class FailingStore(Store):
    """Its database goes away after so many deliveries were stored one by one, for a moment."""

    def __init__(self, engine: Engine, stored_before: int) -> None:
        super().__init__(engine, SystemClock())
        self._stored_before = stored_before

    def apply_or_refuse(self, write: PendingWrite) -> Stored:
        """Store one. Raises DatabaseUnavailableError, once."""
        self._stored_before -= 1
        if self._stored_before == -1:
            raise DatabaseUnavailableError("away")
        return super().apply_or_refuse(write)


@pytest.mark.parametrize("exit_code", [0, 2**40], ids=["together", "one by one"])
def test_an_end_that_cannot_be_handed_on_keeps_no_other_from_it(
    database: ExecutionsDatabase, engine: Engine, exit_code: int
) -> None:
    requests = [database.add() for _ in range(3)]
    last = delivered(finished(database.add(), exit_code=exit_code))
    batch = deque([*(delivered(finished(request)) for request in requests), last])
    ended: list[Any] = []

    def on_stored(stored: Stored) -> None:
        if stored.ended and stored.ended["id"] == requests[0].execution_id:
            raise AttributeError("defect")
        ended.extend([stored.ended["id"]] if stored.ended else [])

    with capture_logs() as logs:
        BatchWriter(Store(engine, SystemClock()), on_stored, OFF, SystemClock()).write(batch)
    assert not batch
    assert ended[:2] == [request.execution_id for request in requests[1:]]
    assert [each["event"] for each in logs].count("stored_delivery_failed") == 1


@pytest.mark.parametrize("stored_before", [0, 1, 2, 3])
def test_an_end_is_handed_on_once_though_the_database_fails_within_a_split_batch(
    database: ExecutionsDatabase, engine: Engine, stored_before: int
) -> None:
    requests = [database.add() for _ in range(4)]
    deliveries = [delivered(finished(request)) for request in requests]
    spoiled = delivered(finished(database.add(), exit_code=2**40))
    batch: deque[Delivery] = deque([*deliveries[:2], spoiled, *deliveries[2:]])
    ended: list[Any] = []

    def on_stored(stored: Stored) -> None:
        ended.extend([stored.ended["id"]] if stored.ended else [])

    writer = BatchWriter(FailingStore(engine, stored_before), on_stored, OFF, SystemClock())
    with pytest.raises(DatabaseUnavailableError):
        writer.write(batch)
    assert len(batch) == 5 - stored_before
    writer.write(batch)
    assert not batch
    assert ended == [request.execution_id for request in requests]
    assert len(database.dead_letters()) == 1
