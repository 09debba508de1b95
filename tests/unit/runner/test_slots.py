import threading
from collections.abc import Sequence

from runlet_amqp.consumer import Delivery
from runner.consume.worker_threads import Slots
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
        assert self.open.wait(60)
        self.handled.append(incoming.tag)


class Bench:
    """Slots among doubles; deliveries of `lost` are no longer held."""

    def __init__(self, count: int = 1) -> None:
        self.gate = Gate()
        self.given_up: list[int] = []
        self.handed_back: list[int] = []
        self.lost: set[int] = set()
        self.slots = Slots(
            count,
            lambda incoming: incoming.tag not in self.lost,
            self.gate,
            lambda incoming: self.given_up.append(incoming.tag),
            self._hand_back,
        )

    def occupy(self, tag: int) -> None:
        """Start a delivery that keeps its slot until the gate opens."""
        self.slots.accept(delivery(tag))
        assert self.gate.entered.acquire(timeout=60)

    def finish(self) -> None:
        """Let everything end."""
        self.gate.open.set()
        self.slots.close()
        self.slots.join()

    def _hand_back(self, waiting: Sequence[Delivery]) -> None:
        self.handed_back += [each.tag for each in waiting]


def test_closing_lets_what_runs_finish_and_hands_back_what_waits() -> None:
    bench = Bench()
    bench.occupy(1)
    bench.slots.accept(delivery(2))
    bench.slots.accept(delivery(3))

    bench.slots.close()
    eventually(lambda: bench.handed_back == [2, 3])
    assert not bench.slots.are_idle()
    bench.gate.open.set()
    eventually(bench.slots.are_idle)

    assert bench.gate.handled == [1]


def test_what_arrives_after_closing_is_handed_back_too() -> None:
    bench = Bench()
    bench.slots.close()

    bench.slots.accept(delivery(1))

    eventually(lambda: bench.handed_back == [1])
    bench.finish()


def test_closing_twice_hands_back_once() -> None:
    bench = Bench()
    bench.occupy(1)
    bench.slots.accept(delivery(2))

    bench.slots.close()
    bench.finish()

    assert bench.handed_back == [2]


def test_slots_are_not_idle_while_something_is_handed_back() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def hand_back(_waiting: Sequence[Delivery]) -> None:
        begun.set()
        assert go_on.wait(60)

    gate = Gate()
    slots = Slots(1, lambda _: True, gate, lambda _: None, hand_back)
    slots.accept(delivery(1))
    assert gate.entered.acquire(timeout=60)
    slots.accept(delivery(2))
    slots.close()
    gate.open.set()
    assert begun.wait(60)
    eventually(lambda: gate.handled == [1])

    assert not slots.are_idle()
    go_on.set()
    eventually(slots.are_idle)
    slots.join()


def test_what_waited_while_its_connection_was_lost_is_neither_run_nor_handed_back() -> None:
    bench = Bench()
    bench.occupy(1)
    bench.slots.accept(delivery(2))
    bench.slots.accept(delivery(3))
    bench.lost = {2, 3}

    bench.gate.open.set()
    eventually(bench.slots.are_idle)
    bench.finish()

    assert bench.gate.handled == [1]
    assert bench.handed_back == []


def test_a_delivery_whose_handling_fails_is_given_up() -> None:
    given_up: list[Delivery] = []

    def fail(_incoming: Delivery) -> None:
        raise RuntimeError("a defect")

    slots = Slots(1, lambda _: True, fail, given_up.append, lambda _: None)
    slots.accept(delivery())

    eventually(lambda: len(given_up) == 1)
    slots.close()
    slots.join()


def test_a_slot_counts_as_busy_while_its_run_lasts_and_what_waits_does_not() -> None:
    busy = rise("runlet_slots_busy")
    bench = Bench(count=2)
    for tag in (1, 2):
        bench.occupy(tag)
    bench.slots.accept(delivery(3))
    assert busy() == 2

    bench.finish()

    assert busy() == 0
