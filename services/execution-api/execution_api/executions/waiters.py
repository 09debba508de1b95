"""Waiting for an execution to end, without holding a database connection meanwhile."""

import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

Row = Mapping[str, Any]

# Runs accepted here whose end was not published yet. One that is never published, because a process
# died or a queue was full, costs a wait; so what was accepted longer ago is read like all others.
MAX_PENDING = 10_000
PENDING_SECONDS = 2.0


class Waiter:
    """One caller that waits for one execution.

    `ended` is the execution once its end was published; `is_stale` says that the stored execution
    may have changed without an event that was received. For one waiting thread; any thread may
    notify it.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self.ended: Row | None = None
        self.is_stale = False

    @property
    def is_notified(self) -> bool:
        """Whether there is a notification that was not waited for yet."""
        return self._event.is_set()

    def notify(self) -> None:
        """Make the caller look again."""
        self._event.set()

    def wait(self, seconds: float) -> None:
        """Wait for a notification, at most `seconds`."""
        self._event.wait(seconds)
        self._event.clear()


class WaiterRegistry:
    """Who waits for which execution in this process.

    `leaving` says that this process is about to stop: who could go on elsewhere should.
    """

    def __init__(self) -> None:
        self._waiters: defaultdict[UUID, set[Waiter]] = defaultdict(set)
        self._pending: OrderedDict[UUID, float] = OrderedDict()
        self._lock = threading.Lock()
        self._listening = False
        self.is_shutting_down = False

    @property
    def listening(self) -> bool:
        """Whether the ends of executions are heard of at all."""
        return self._listening

    @listening.setter
    def listening(self, heard: bool) -> None:
        with self._lock:
            self._listening = heard
            self._pending.clear()

    def mark_pending(self, execution_id: UUID) -> None:
        """This run is about to be accepted here; its end will be published and need not be read."""
        with self._lock:
            if self._listening:
                self._pending[execution_id] = time.monotonic() + PENDING_SECONDS
                if len(self._pending) > MAX_PENDING:
                    self._pending.popitem(last=False)

    def clear_pending(self, execution_id: UUID) -> None:
        """The end was published, or the run was not accepted after all."""
        with self._lock:
            self._pending.pop(execution_id, None)

    def is_pending(self, execution_id: UUID) -> bool:
        """Whether the end is still to be published: who has a waiter already cannot miss it."""
        return time.monotonic() < self._pending.get(execution_id, 0.0)

    def awaited_ids(self) -> list[UUID]:
        """The executions that anybody waits for here."""
        with self._lock:
            return list(self._waiters)

    def has_waiters(self, execution_id: UUID) -> bool:
        """Whether anybody waits for this execution here."""
        return execution_id in self._waiters

    def notify_finished(self, execution_id: UUID, ended: Row) -> None:
        """Answer who waits for this execution; its end is stored already."""
        with self._lock:
            for waiter in self._waiters.get(execution_id, ()):
                waiter.ended = ended
                waiter.notify()

    def notify_stale(self, execution_id: UUID) -> None:
        """Have the waiters read this execution: it changed, and no event said so."""
        with self._lock:
            self._pending.pop(execution_id, None)
            for waiter in self._waiters.get(execution_id, ()):
                waiter.is_stale = True
                waiter.notify()

    def begin_shutdown(self) -> None:
        """Tell everybody that this process is about to stop."""
        self.is_shutting_down = True
        with self._lock:
            for waiters in self._waiters.values():
                for waiter in waiters:
                    waiter.notify()

    @contextmanager
    def waiting_for(self, execution_id: UUID) -> Iterator[Waiter]:
        """A waiter that is notified when the execution has ended, or may have."""
        waiter = Waiter()
        with self._lock:
            self._waiters[execution_id].add(waiter)
        try:
            yield waiter
        finally:
            with self._lock:
                self._waiters[execution_id].discard(waiter)
                if not self._waiters[execution_id]:
                    del self._waiters[execution_id]


def wait_until(
    is_over: Callable[[Row], bool],
    read: Callable[[], Row],
    waiters: WaiterRegistry,
    execution_id: UUID,
    seconds: float,
) -> Row:
    """The execution once it is over, or as it is after `seconds`."""
    deadline = time.monotonic() + seconds
    with waiters.waiting_for(execution_id) as waiter:
        row = None if waiters.is_pending(execution_id) else read()
        while not (row and is_over(row)) and (left := deadline - time.monotonic()) > 0:
            waiter.wait(left)
            row = waiter.ended or read()
    return row or read()
