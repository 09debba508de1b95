"""Stopping one run from another thread, and never the run that follows it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class StopRequest:
    """The wish that one run ends early; any thread may ask, at any time, more than once.

    A run that can be stopped lends a way to do so. Asking and lending share a lock, so nothing is
    sent before the run is there, nor after its container may serve another.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked = False
        self._send: Callable[[], None] | None = None

    @property
    def asked(self) -> bool:
        """Whether somebody has asked."""
        return self._asked

    def ask(self) -> None:
        """Stop the run now, or as soon as it can be stopped."""
        with self._lock:
            self._asked = True
            if self._send is not None:
                self._send()

    @contextmanager
    def reaching(self, send: Callable[[], None]) -> Iterator[None]:
        """Lend `send`, which must not wait for anything, for as long as the block lasts."""
        with self._lock:
            self._send = send
            if self._asked:
                send()
        try:
            yield
        finally:
            with self._lock:
                self._send = None

    def unless_asked(self, act: Callable[[], None]) -> bool:
        """Do what must not come after a stop; False, with nothing done, when there was one."""
        with self._lock:
            if self._asked:
                return False
            act()
            return True
