"""Work that is handed over to supervised loops."""

from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from runlet.backoff import Stop

# How long a loop without work waits before it says that it still turns.
IDLE_SECONDS = 5.0

Item = TypeVar("Item")


class WorkQueue(Generic[Item]):
    """Items that loops take one by one; any thread may put one.

    An item whose handling raises ends its loop, which the supervisor logs and starts again.
    """

    def __init__(self, handle: Callable[[Item], object]) -> None:
        self._handle = handle
        self._items: SimpleQueue[Item | None] = SimpleQueue()

    def put(self, item: Item) -> None:
        """Have a loop handle `item`."""
        self._items.put(item)

    def run(self, stop: Stop) -> None:
        """One loop: handle items until `stop` is set."""
        while not stop.is_set():
            self._handle_next(IDLE_SECONDS)

    def run_and_drain(self, stop: Stop) -> None:
        """One loop: as `run`, and then handle what is left."""
        self.run(stop)
        # Each look says that the loop still turns.
        while stop.is_set() and not self._items.empty():
            self._handle_next(0)

    def wake(self) -> None:
        """Have one loop look whether it is to stop."""
        self._items.put(None)

    def discard(self) -> None:
        """Forget what is left."""
        self._items = SimpleQueue()

    def _handle_next(self, seconds: float) -> None:
        try:
            item = self._items.get(timeout=seconds)
        except Empty:
            return
        if item is not None:
            self._handle(item)
