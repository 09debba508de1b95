from collections.abc import Sequence
from queue import Queue

import pytest
from sqlalchemy.exc import OperationalError

from result_collector.ingest import writer
from result_collector.ingest.writer import Writer
from runlet.lifecycle import StopSignal
from runlet_amqp.consumer import Delivery
from support.databases.stores import delivery
from support.threads import running

Batch = Sequence[Delivery]


class Database:
    """Takes batches after it has been away for some of them."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.tries = 0
        self.written: list[Batch] = []

    def write(self, batch: Batch) -> None:
        """Take a batch. Raises OperationalError while it is away."""
        self.tries += 1
        if self.tries <= self.failures:
            raise OperationalError("INSERT", None, Exception("away"))
        self.written.append(batch)


class Broker:
    """Notes what is settled, and has the writer stopped once that is enough."""

    def __init__(self, stop: StopSignal, enough: int = 1) -> None:
        self._stop = stop
        self._enough = enough
        self.settled: list[Batch] = []

    def settle(self, batch: Batch) -> None:
        """Take an acknowledgement."""
        self.settled.append(batch)
        if len(self.settled) == self._enough:
            self._stop.set()


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


def queue_of(count: int) -> "Queue[Delivery]":
    """A queue with this many deliveries."""
    queue: Queue[Delivery] = Queue()
    for _ in range(count):
        queue.put(delivery("execution.started.v1", b""))
    return queue


def run(queue: "Queue[Delivery]", database: Database, broker: Broker, stop: StopSignal) -> Writer:
    """Let a writer work until it is stopped."""
    worker = Writer(queue, database.write, broker.settle, stop)
    worker.start()
    worker.join()
    return worker


def test_what_waits_is_written_together_and_settled() -> None:
    stop, database = StopSignal(), Database()
    broker = Broker(stop)
    worker = run(queue_of(5), database, broker, stop)
    assert [len(batch) for batch in database.written] == [5]
    assert broker.settled == database.written
    assert not worker.failed


def test_a_batch_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "BATCH_SIZE", 2)
    stop, database = StopSignal(), Database()
    run(queue_of(5), database, Broker(stop, enough=3), stop)
    assert [len(batch) for batch in database.written] == [2, 2, 1]


def test_a_batch_is_kept_while_the_database_is_away_and_settled_once_written() -> None:
    stop, database = ImpatientStop(most=100), Database(failures=20)
    broker = Broker(stop)
    run(queue_of(3), database, broker, stop)
    assert [len(batch) for batch in broker.settled] == [3]
    assert database.tries == 21


def test_waits_between_tries_are_random_and_bounded() -> None:
    stop = ImpatientStop(most=50)
    run(queue_of(1), Database(failures=1000), Broker(stop), stop)
    assert len(set(stop.waits)) > 1
    assert max(stop.waits) <= writer.LONGEST_RETRY_SECONDS
    assert max(stop.waits[:1]) <= writer.FIRST_RETRY_SECONDS * 2


def test_what_is_not_written_when_the_stop_comes_is_not_settled() -> None:
    stop = ImpatientStop(most=3)
    broker = Broker(stop)
    worker = run(queue_of(1), Database(failures=1000), broker, stop)
    assert not broker.settled
    assert not worker.failed


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_defect_ends_the_writer_and_stops_the_process() -> None:
    stop = StopSignal()

    def write(_batch: Batch) -> None:
        raise AttributeError("defect")

    worker = Writer(queue_of(1), write, lambda _batch: None, stop)
    worker.start()
    worker.join()
    assert worker.failed
    assert stop.is_set()
    assert not worker.alive


def test_an_idle_writer_stops() -> None:
    stop = StopSignal()
    worker = Writer(queue_of(0), Database().write, lambda _batch: None, stop)
    worker.start()
    with running(worker.join, stop):
        assert worker.alive
