"""Cancelling one run from another thread, and never the run that follows it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class CancellationToken:
    """Cancels one run; any thread may call it, at any time, more than once.

    A run that can be stopped binds the token to what stops it. Cancelling and binding share a lock,
    so nothing is sent before the run is there, nor after its container may serve another.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cancelled = False
        self._stop_run: Callable[[], None] | None = None

    @property
    def is_cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._cancelled

    def cancel(self) -> None:
        """Stop the run now, or as soon as it can be stopped."""
        with self._lock:
            self._cancelled = True
            if self._stop_run is not None:
                self._stop_run()

    @contextmanager
    def bound_to(self, stop_run: Callable[[], None]) -> Iterator[None]:
        """Cancel by `stop_run`, which must not wait for anything, while the block lasts."""
        with self._lock:
            self._stop_run = stop_run
            if self._cancelled:
                stop_run()
        try:
            yield
        finally:
            with self._lock:
                self._stop_run = None

    def run_unless_cancelled(self, act: Callable[[], None]) -> bool:
        """Do what must not follow a cancellation; False, with nothing done, after one."""
        with self._lock:
            if self._cancelled:
                return False
            act()
            return True
