import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from runlet_amqp.consumer import Delivery
from runner.consume.worker_threads import WorkerThreads
from support.loops import supervised
from support.telemetry.metrics import rise
from support.wait_until import eventually


def delivery(tag: int = 1) -> Delivery:
    return Delivery("runs.python", tag, 1, None, b"", None, {})


class Gate:
    """A handler that waits until it is let go."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.open = threading.Event()
        self.handled: list[int] = []

    def __call__(self, incoming: Delivery) -> None:
        self.entered.release()
        assert self.open.wait(10)
        self.handled.append(incoming.tag)


class Bench:
    """WorkerThreads among doubles; deliveries of `lost` are no longer held."""

    def __init__(self, count: int) -> None:
        self.gate = Gate()
        self.given_up: list[int] = []
        self.returned: list[int] = []
        self.lost: set[int] = set()
        self.workers = WorkerThreads(
            count,
            lambda incoming: incoming.tag not in self.lost,
            self.gate,
            lambda incoming: self.given_up.append(incoming.tag),
            self._return_unstarted,
        )

    def occupy(self, tag: int) -> None:
        """Start a delivery that keeps its worker until the gate opens."""
        self.workers.accept(delivery(tag))
        assert self.gate.entered.acquire(timeout=10)

    def finish(self) -> None:
        """Let everything end."""
        self.gate.open.set()
        self.workers.close()
        assert self.workers.wait_until_idle(10)

    def _return_unstarted(self, waiting: Sequence[Delivery]) -> None:
        self.returned += [each.tag for each in waiting]


@contextmanager
def running_bench(count: int = 1) -> Iterator[Bench]:
    """A bench whose workers run."""
    bench = Bench(count)
    with supervised(*bench.workers.loops()):
        yield bench


def test_closing_lets_what_runs_finish_and_returns_what_waits() -> None:
    with running_bench() as bench:
        bench.occupy(1)
        bench.workers.accept(delivery(2))
        bench.workers.accept(delivery(3))

        bench.workers.close()
        eventually(lambda: bench.returned == [2, 3])
        assert not bench.workers.are_idle()
        bench.gate.open.set()
        eventually(bench.workers.are_idle)

    assert bench.gate.handled == [1]


def test_what_arrives_after_closing_is_returned_too() -> None:
    with running_bench() as bench:
        bench.workers.close()

        bench.workers.accept(delivery(1))

        eventually(lambda: bench.returned == [1])


def test_closing_twice_returns_once() -> None:
    with running_bench() as bench:
        bench.occupy(1)
        bench.workers.accept(delivery(2))

        bench.workers.close()
        bench.finish()

    assert bench.returned == [2]


def test_workers_are_not_idle_while_something_is_returned() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def return_unstarted(_waiting: Sequence[Delivery]) -> None:
        begun.set()
        assert go_on.wait(10)

    gate = Gate()
    workers = WorkerThreads(1, lambda _: True, gate, lambda _: None, return_unstarted)
    with supervised(*workers.loops()):
        workers.accept(delivery(1))
        assert gate.entered.acquire(timeout=10)
        workers.accept(delivery(2))
        workers.close()
        gate.open.set()
        assert begun.wait(10)
        eventually(lambda: gate.handled == [1])

        assert not workers.are_idle()
        go_on.set()
        eventually(workers.are_idle)


def test_what_waited_while_its_connection_was_lost_is_neither_run_nor_returned() -> None:
    with running_bench() as bench:
        bench.occupy(1)
        bench.workers.accept(delivery(2))
        bench.workers.accept(delivery(3))
        bench.lost = {2, 3}

        bench.gate.open.set()
        eventually(bench.workers.are_idle)
        bench.finish()

    assert bench.gate.handled == [1]
    assert bench.returned == []


def test_a_delivery_whose_handling_fails_is_given_up_and_its_worker_goes_on() -> None:
    given_up: list[Delivery] = []

    def fail(_incoming: Delivery) -> None:
        raise RuntimeError("a defect")

    workers = WorkerThreads(1, lambda _: True, fail, given_up.append, lambda _: None)
    with supervised(*workers.loops()):
        workers.accept(delivery(1))
        workers.accept(delivery(2))

        eventually(lambda: [each.tag for each in given_up] == [1, 2])
        eventually(workers.are_idle)


def test_a_failure_to_return_is_survived() -> None:
    def fail(_waiting: Sequence[Delivery]) -> None:
        raise RuntimeError("a defect")

    workers = WorkerThreads(1, lambda _: True, Gate(), lambda _: None, fail)
    with supervised(*workers.loops()):
        workers.close()
        workers.accept(delivery())

        assert workers.wait_until_idle(10)


def test_a_slot_counts_as_busy_while_its_run_lasts_and_what_waits_does_not() -> None:
    busy = rise("runlet_slots_busy")
    with running_bench(count=2) as bench:
        for tag in (1, 2):
            bench.occupy(tag)
        bench.workers.accept(delivery(3))
        assert busy() == 2

        bench.finish()

        assert busy() == 0
