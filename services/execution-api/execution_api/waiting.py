"""Waiting for an execution to end, without holding a database connection meanwhile."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Row = TypeVar("Row")

FIRST_PAUSE_SECONDS = 0.002
LONGEST_PAUSE_SECONDS = 0.1
PAUSE_GROWTH = 1.4

# Between reads that nothing called for: a connection may be dead before anybody notices.
RE_READ_SECONDS = 5.0
DEAF_RE_READ_SECONDS = 1.0

REMEMBERED_ENDS = 4096


class Bell:
    """What one waiter listens to."""

    def __init__(self, ended: bool) -> None:
        self._event = threading.Event()
        self.ended = ended

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
        # Ends heard of lately: the collector may not have stored them when somebody asks.
        self._ended: dict[str, None] = {}
        self._lock = threading.Lock()
        self.listening = False

    def announce_end(self, execution_id: str) -> None:
        """Wake who waits for this execution, or will before its end is stored."""
        with self._lock:
            self._ended[execution_id] = None
            if len(self._ended) > REMEMBERED_ENDS:
                del self._ended[next(iter(self._ended))]
            for bell in self._bells.get(execution_id, ()):
                bell.ended = True
                bell.ring()

    def announce_gap(self) -> None:
        """Wake everybody: an end may have gone unheard."""
        with self._lock:
            for bells in self._bells.values():
                for bell in bells:
                    bell.ring()

    @contextmanager
    def bell(self, execution_id: str) -> Iterator[Bell]:
        """A bell that rings when the execution may have ended."""
        with self._lock:
            bell = Bell(ended=execution_id in self._ended)
            self._bells[execution_id].add(bell)
        try:
            yield bell
        finally:
            with self._lock:
                self._bells[execution_id].discard(bell)
                if not self._bells[execution_id]:
                    del self._bells[execution_id]


def pauses() -> Iterator[float]:
    """Seconds between reads while the collector is about to store an end."""
    pause = FIRST_PAUSE_SECONDS
    while True:
        yield pause
        pause = min(pause * PAUSE_GROWTH, LONGEST_PAUSE_SECONDS)


def wait_until(
    is_over: Callable[[Row], bool],
    read: Callable[[], Row],
    waiters: Waiters,
    execution_id: str,
    seconds: float,
) -> Row:
    """Read until what was read is over, or `seconds` have passed; gives what was read last."""
    deadline = time.monotonic() + seconds
    growing = pauses()
    with waiters.bell(execution_id) as bell:
        row = read()
        while not is_over(row) and (left := deadline - time.monotonic()) > 0:
            if bell.ended:
                time.sleep(min(next(growing), left))
            else:
                re_read = RE_READ_SECONDS if waiters.listening else DEAF_RE_READ_SECONDS
                bell.wait(min(left, re_read))
            row = read()
    return row
