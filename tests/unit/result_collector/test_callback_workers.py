"""The loops that send callbacks: what they settle, and how they end."""

import threading
from collections.abc import Callable
from queue import Queue
from typing import cast

import pytest

from result_collector.callbacks import workers
from result_collector.callbacks.workers import CallbackWorkers
from runlet.backoff import Stop
from runlet_amqp.consumer import Consumer, Delivery
from runlet_postgres.errors import DatabaseUnavailableError
from runlet_telemetry.supervision import Loop, LoopContext
from support.databases.stores import delivery

WAIT_SECONDS = 30


class ScriptedConsumer:
    """Notes what is settled; deliveries of connections that were lost are not current."""

    def __init__(self) -> None:
        self.settled: list[Delivery] = []
        self.lost: list[Delivery] = []
        self.is_drained: Callable[[], bool] = lambda: True

    def is_current(self, each: Delivery) -> bool:
        """Whether it can be settled still."""
        return each not in self.lost

    def settle(self, deliveries: list[Delivery]) -> None:
        """Note them."""
        self.settled += deliveries

    def loop(self, is_drained: Callable[[], bool], name: str) -> Loop:
        """Keep the question that it asks before it ends."""
        self.is_drained = is_drained
        return Loop(name, lambda context: None)


class Bench:
    """One worker, which a test runs itself."""

    def __init__(self, handle: Callable[[Delivery, Stop], None]) -> None:
        self.consumer = ScriptedConsumer()
        self.deliveries: Queue[Delivery] = Queue()
        self.context = LoopContext(max_silence_seconds=60)
        consumer = cast(Consumer, self.consumer)
        workers = CallbackWorkers(consumer, self.deliveries, handle, workers=1)
        (self.worker,) = workers.worker_loops()
        workers.consumer_loop()

    def put(self) -> Delivery:
        """A delivery for the worker."""
        made = delivery("callback.requested.v1", b"{}", "id")
        self.deliveries.put(made)
        return made


@pytest.fixture(autouse=True)
def _no_idling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "IDLE_SECONDS", 0.01)


def test_what_was_handled_is_settled() -> None:
    bench = Bench(lambda _delivery, stop: cast(LoopContext, stop).set())
    handled = bench.put()

    bench.worker.run(bench.context)

    assert bench.consumer.settled == [handled]


def test_what_waits_is_left_to_others_when_it_is_to_stop() -> None:
    bench = Bench(lambda _delivery, stop: cast(LoopContext, stop).set())
    first, _waiting = bench.put(), bench.put()

    bench.worker.run(bench.context)

    assert bench.consumer.settled == [first]
    assert bench.deliveries.qsize() == 1


def test_what_a_lost_connection_delivered_is_not_handled() -> None:
    handled: list[Delivery] = []

    def handle(each: Delivery, stop: Stop) -> None:
        handled.append(each)
        cast(LoopContext, stop).set()

    bench = Bench(handle)
    bench.consumer.lost.append(bench.put())
    current = bench.put()

    bench.worker.run(bench.context)

    assert [each is current for each in handled] == [True]


def test_a_database_that_is_away_to_the_end_leaves_the_delivery_unsettled() -> None:
    def handle(_delivery: Delivery, stop: Stop) -> None:
        cast(LoopContext, stop).set()
        raise DatabaseUnavailableError("away")

    bench = Bench(handle)
    bench.put()

    bench.worker.run(bench.context)

    assert bench.consumer.settled == []


def test_a_defect_is_settled_and_raised_so_that_it_holds_up_no_others() -> None:
    def handle(_delivery: Delivery, _stop: Stop) -> None:
        raise ZeroDivisionError

    bench = Bench(handle)
    broken = bench.put()

    with pytest.raises(ZeroDivisionError):
        bench.worker.run(bench.context)

    assert bench.consumer.settled == [broken]
    assert bench.consumer.is_drained()


def test_the_consumer_ends_after_the_workers() -> None:
    is_sending, may_end = threading.Event(), threading.Event()

    def handle(_delivery: Delivery, _stop: Stop) -> None:
        is_sending.set()
        assert may_end.wait(WAIT_SECONDS)

    bench = Bench(handle)
    bench.put()
    thread = threading.Thread(target=bench.worker.run, args=(bench.context,))
    thread.start()
    assert is_sending.wait(WAIT_SECONDS)

    bench.context.set()
    assert not bench.consumer.is_drained()
    may_end.set()
    thread.join(WAIT_SECONDS)

    assert bench.consumer.is_drained()
