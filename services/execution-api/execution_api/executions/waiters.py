"""Waiting for an execution to end, without holding a database connection meanwhile."""

import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

Row = Mapping[str, Any]

# Runs accepted here whose end is not told yet. An end that is not told, because a process died or a
# queue was full, is to be missed by few: what was accepted longer ago is read like all others.
MOST_EXPECTED = 10_000
EXPECTED_SECONDS = 2.0


class Bell:
    """What one waiter listens to.

    `ended` is the execution once its end was told; `to_be_read` says that the stored execution may
    hold news that nobody told.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self.ended: Row | None = None
        self.to_be_read = False

    @property
    def has_rung(self) -> bool:
        """Whether a ring has not been waited for yet."""
        return self._event.is_set()

    def ring(self) -> None:
        """Make the waiter look again."""
        self._event.set()

    def wait(self, seconds: float) -> None:
        """Wait for a ring, at most `seconds`."""
        self._event.wait(seconds)
        self._event.clear()


class Waiters:
    """Who waits for which execution in this process.

    `leaving` says that this process is about to stop: who could go on elsewhere should.
    """

    def __init__(self) -> None:
        self._bells: defaultdict[UUID, set[Bell]] = defaultdict(set)
        self._expected: OrderedDict[UUID, float] = OrderedDict()
        self._lock = threading.Lock()
        self._listening = False
        self.leaving = False

    @property
    def listening(self) -> bool:
        """Whether the ends of executions are heard of at all."""
        return self._listening

    @listening.setter
    def listening(self, heard: bool) -> None:
        with self._lock:
            self._listening = heard
            self._expected.clear()

    def expect(self, execution_id: UUID) -> None:
        """This run is about to be accepted here, so its end will be told: it need not be read."""
        with self._lock:
            if self._listening:
                self._expected[execution_id] = time.monotonic() + EXPECTED_SECONDS
                if len(self._expected) > MOST_EXPECTED:
                    self._expected.popitem(last=False)

    def cease_to_expect(self, execution_id: UUID) -> None:
        """The end was told, or the run was not accepted after all."""
        with self._lock:
            self._expected.pop(execution_id, None)

    def is_expected(self, execution_id: UUID) -> bool:
        """Whether the end is still to be told: who has a bell already cannot miss it."""
        return time.monotonic() < self._expected.get(execution_id, 0.0)

    def awaited(self) -> list[UUID]:
        """The executions that anybody waits for here."""
        with self._lock:
            return list(self._bells)

    def is_awaited(self, execution_id: UUID) -> bool:
        """Whether anybody waits for this execution here."""
        return execution_id in self._bells

    def announce_end(self, execution_id: UUID, ended: Row) -> None:
        """Answer who waits for this execution; its end is stored already."""
        with self._lock:
            for bell in self._bells.get(execution_id, ()):
                bell.ended = ended
                bell.ring()

    def announce_news(self, execution_id: UUID) -> None:
        """Have who waits for this execution read it: what is stored went unheard."""
        with self._lock:
            self._expected.pop(execution_id, None)
            for bell in self._bells.get(execution_id, ()):
                bell.to_be_read = True
                bell.ring()

    def leave(self) -> None:
        """Tell everybody that this process is about to stop."""
        self.leaving = True
        with self._lock:
            for bells in self._bells.values():
                for bell in bells:
                    bell.ring()

    @contextmanager
    def bell(self, execution_id: UUID) -> Iterator[Bell]:
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
    execution_id: UUID,
    seconds: float,
) -> Row:
    """The execution once it is over, or as it is after `seconds`."""
    deadline = time.monotonic() + seconds
    with waiters.bell(execution_id) as bell:
        row = None if waiters.is_expected(execution_id) else read()
        while not (row and is_over(row)) and (left := deadline - time.monotonic()) > 0:
            bell.wait(left)
            row = bell.ended or read()
    return row or read()
