import threading
from collections.abc import Callable

from runlet.broker.consumer import Delivery
from runner.slots import Slots


def delivery(tag: int = 1) -> Delivery:
    return Delivery("runs.python", tag, 1, None, b"", None, {})


class Gate:
    """A handler that waits until it is let go."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.open = threading.Event()
        self.handled: list[Delivery] = []

    def __call__(self, incoming: Delivery) -> None:
        self.entered.release()
        assert self.open.wait(10)
        self.handled.append(incoming)


def wait_for(condition: Callable[[], bool]) -> None:
    done = threading.Event()
    while not condition():
        done.wait(0.001)


def test_closing_lets_what_runs_finish_and_leaves_what_waits() -> None:
    gate = Gate()
    slots = Slots(1, gate, hand_back=lambda _: None)
    slots.accept(delivery(1))
    assert gate.entered.acquire(timeout=10)
    slots.accept(delivery(2))

    slots.close()
    assert not slots.are_idle()
    gate.open.set()
    wait_for(slots.are_idle)

    assert [done.tag for done in gate.handled] == [1]


def test_a_delivery_whose_handling_fails_goes_back_to_its_queue() -> None:
    handed_back: list[Delivery] = []
    returned = threading.Event()

    def fail(_incoming: Delivery) -> None:
        raise RuntimeError("a defect")

    def hand_back(incoming: Delivery) -> None:
        handed_back.append(incoming)
        returned.set()

    slots = Slots(1, fail, hand_back)
    slots.accept(delivery())

    assert returned.wait(10)
    assert len(handed_back) == 1
    slots.close()
