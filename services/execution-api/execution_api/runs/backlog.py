"""Refusing runs while too many wait already."""

import threading
from collections.abc import Callable

from execution_api.errors import BacklogFullError
from runlet.clock import Clock

COUNT_IS_GOOD_FOR_SECONDS = 1.0
RETRY_AFTER_SECONDS = 5


class Backlog:
    """Knows, to within a second, whether the backlog is full."""

    def __init__(self, count_queued: Callable[[int], int], max_depth: int, clock: Clock) -> None:
        self._count_queued = count_queued
        self._max_depth = max_depth
        self._clock = clock
        self._lock = threading.Lock()
        self._full = False
        self._good_until = float("-inf")

    def check(self) -> None:
        """Raises BacklogFullError when as many runs wait as may wait."""
        if self._is_full():
            raise BacklogFullError(
                f"Too many runs are waiting already. Try again in {RETRY_AFTER_SECONDS} seconds.",
                RETRY_AFTER_SECONDS,
            )

    def _is_full(self) -> bool:
        # One thread counts; the others go by the last count meanwhile.
        if self._clock.monotonic() >= self._good_until and self._lock.acquire(blocking=False):
            try:
                self._full = self._count_queued(self._max_depth) >= self._max_depth
                self._good_until = self._clock.monotonic() + COUNT_IS_GOOD_FOR_SECONDS
            finally:
                self._lock.release()
        return self._full
