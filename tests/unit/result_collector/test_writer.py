from collections import deque
from collections.abc import Sequence

import pytest

from result_collector.ingest import inbox as inbox_module
from result_collector.ingest.inbox import Inbox
from result_collector.ingest.writer import Writer
from runlet.backoff import FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS
from runlet.lifecycle import StopSignal
from runlet_amqp.consumer import Delivery
from runlet_postgres.errors import DatabaseUnavailableError
from support.databases.stores import delivery
from support.threads import running


class Database:
    """Takes batches after it has been away for some of them."""

    def __init__(self, failures: int = 0, stored_before_failing: int = 0) -> None:
        self.failures = failures
        self.stored_before_failing = stored_before_failing
        self.tries = 0
        self.written: list[list[Delivery]] = []

    def write(self, batch: "deque[Delivery]") -> None:
        """Take a batch. Raises DatabaseUnavailableError while it is away."""
        self.tries += 1
        if self.tries <= self.failures:
            for _ in range(min(self.stored_before_failing, len(batch))):
                batch.popleft()
            raise DatabaseUnavailableError("away")
        self.written.append(list(batch))
        batch.clear()


class Broker:
    """Notes what is settled, and has the writer stopped once that is enough."""

    def __init__(self, stop: StopSignal, enough: int = 1) -> None:
        self._stop = stop
        self._enough = enough
        self.current_generation = 1
        self.settled: list[Sequence[Delivery]] = []
        self.requeued: list[Delivery] = []

    def is_current(self, delivery: Delivery) -> bool:
        """Whether it came over the connection there is now."""
        return delivery.connection_generation == self.current_generation

    def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Take an acknowledgement."""
        self.settled.append(deliveries)
        if len(self.settled) == self._enough:
            self._stop.set()

    def requeue(self, delivery: Delivery) -> None:
        """Take a message back."""
        self.requeued.append(delivery)


class ImpatientStop(StopSignal):
    """Notes how long it is waited for instead of waiting, and stops after `most` times."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self.waits: list[float] = []

    def wait(self, seconds: float | None = None) -> bool:
        """Come back at once."""
        self.waits.append(seconds or 0)
        if len(self.waits) >= self._most:
            self.set()
        return self.is_set()


def inbox_of(count: int) -> Inbox:
    """An inbox with this many deliveries."""
    inbox = Inbox()
    for _ in range(count):
        inbox.put(delivery("execution.started.v1", b""))
    return inbox


def run(inbox: Inbox, database: Database, broker: Broker, stop: StopSignal) -> None:
    """Let a writer work until it is stopped."""
    Writer(inbox, database.write, broker).run(stop)


def test_what_waits_is_written_together_and_settled() -> None:
    stop, database = StopSignal(), Database()
    broker = Broker(stop)
    run(inbox_of(5), database, broker, stop)
    assert [len(batch) for batch in database.written] == [5]
    assert broker.settled == database.written


def test_a_batch_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox_module, "BATCH_SIZE", 2)
    stop, database = StopSignal(), Database()
    run(inbox_of(5), database, Broker(stop, enough=3), stop)
    assert [len(batch) for batch in database.written] == [2, 2, 1]


def test_a_batch_is_kept_while_the_database_is_away_and_settled_once_written() -> None:
    stop, database = ImpatientStop(most=100), Database(failures=20)
    broker = Broker(stop)
    run(inbox_of(3), database, broker, stop)
    assert [len(batch) for batch in broker.settled] == [3]
    assert database.tries == 21


def test_only_what_is_left_of_a_batch_is_written_again() -> None:
    stop, database = ImpatientStop(most=100), Database(failures=1, stored_before_failing=2)
    broker = Broker(stop)
    run(inbox_of(5), database, broker, stop)
    assert [len(batch) for batch in database.written] == [3]
    assert [len(batch) for batch in broker.settled] == [5]


def test_what_was_stored_is_settled_and_the_rest_is_not_when_the_stop_comes() -> None:
    stop, database = ImpatientStop(most=1), Database(failures=1000, stored_before_failing=1)
    broker = Broker(stop, enough=2)
    inbox = inbox_of(5)
    run(inbox, database, broker, stop)
    [settled] = broker.settled
    assert 0 < len(settled) < 5
    assert len(settled) == database.tries


def test_waits_between_tries_are_random_and_bounded() -> None:
    stop = ImpatientStop(most=50)
    run(inbox_of(1), Database(failures=1000), Broker(stop, enough=2), stop)
    assert len(set(stop.waits)) > 1
    assert max(stop.waits) <= LONGEST_DELAY_SECONDS
    assert stop.waits[0] <= FIRST_DELAY_SECONDS * 2


def test_what_a_lost_connection_had_delivered_is_dropped_while_the_database_is_away() -> None:
    stop = ImpatientStop(most=100)
    database, broker = Database(failures=1), Broker(stop)

    def write(batch: "deque[Delivery]") -> None:
        broker.current_generation = 2
        database.write(batch)

    Writer(inbox_of(3), write, broker).run(stop)
    assert database.tries == 1
    assert database.written == []


def test_a_defect_puts_the_batch_back_and_is_raised() -> None:
    stop = StopSignal()
    broker = Broker(stop)

    def write(_batch: "deque[Delivery]") -> None:
        raise AttributeError("defect")

    with pytest.raises(AttributeError):
        Writer(inbox_of(2), write, broker).run(stop)
    assert len(broker.requeued) == 2
    assert broker.settled == []


def test_what_was_stored_before_a_defect_is_settled_and_only_the_rest_is_put_back() -> None:
    stop = StopSignal()
    broker = Broker(stop)

    def write(batch: "deque[Delivery]") -> None:
        batch.popleft()
        raise AttributeError("defect")

    with pytest.raises(AttributeError):
        Writer(inbox_of(3), write, broker).run(stop)
    assert len(broker.requeued) == 2
    [[settled]] = broker.settled
    assert settled.tag not in {delivery.tag for delivery in broker.requeued}


def test_an_idle_writer_stops() -> None:
    stop = StopSignal()
    writer = Writer(inbox_of(0), Database().write, Broker(stop))
    with running(lambda: writer.run(stop), stop):
        pass
