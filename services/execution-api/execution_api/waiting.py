"""Waiting for an execution to end, without holding a database connection meanwhile."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

Row = Mapping[str, Any]

# Between reads that nothing called for: a connection may be dead before anybody notices.
RE_READ_SECONDS = 5.0
DEAF_RE_READ_SECONDS = 1.0


class Bell:
    """What one waiter listens to; `ended` is the execution once its end was told."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.ended: Row | None = None

    def ring(self) -> None:
        """Make the waiter look again."""
        self._event.set()

    def wait(self, seconds: float) -> None:
        """Wait for a ring, at most `seconds`."""
        self._event.wait(seconds)
        self._event.clear()


class Waiters:
    """Who waits for which execution in this process.

    `listening` says whether the ends of executions are heard of at all.
    """

    def __init__(self) -> None:
        self._bells: defaultdict[str, set[Bell]] = defaultdict(set)
        self._lock = threading.Lock()
        self.listening = False

    def is_awaited(self, execution_id: str) -> bool:
        """Whether anybody waits for this execution here."""
        return execution_id in self._bells

    def announce_end(self, execution_id: str, ended: Row) -> None:
        """Answer who waits for this execution; its end is stored already."""
        with self._lock:
            for bell in self._bells.get(execution_id, ()):
                bell.ended = ended
                bell.ring()

    def announce_gap(self) -> None:
        """Wake everybody: an end may have gone unheard."""
        with self._lock:
            for bells in self._bells.values():
                for bell in bells:
                    bell.ring()

    @contextmanager
    def bell(self, execution_id: str) -> Iterator[Bell]:
        """A bell that rings when the execution has ended, or may have."""
        bell = Bell()
        with self._lock:
            self._bells[execution_id].add(bell)
        try:
            yield bell
        finally:
            with self._lock:
                self._bells[execution_id].discard(bell)
                if not self._bells[execution_id]:
                    del self._bells[execution_id]


def wait_until(
    is_over: Callable[[Row], bool],
    read: Callable[[], Row],
    waiters: Waiters,
    execution_id: str,
    seconds: float,
) -> Row:
    """The execution once it is over, or as it is after `seconds`."""
    deadline = time.monotonic() + seconds
    with waiters.bell(execution_id) as bell:
        row = read()
        while not is_over(row) and (left := deadline - time.monotonic()) > 0:
            bell.wait(min(left, RE_READ_SECONDS if waiters.listening else DEAF_RE_READ_SECONDS))
            row = bell.ended or read()
    return row
