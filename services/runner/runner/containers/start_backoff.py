"""Leaving something that failed alone for a while."""

from runlet.backoff import Backoff
from runlet.clock import Clock


class Pause:
    """Pauses that grow from failure to failure, bounded and jittered."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._backoff = Backoff()
        self._until = 0.0

    def is_over(self) -> bool:
        """Whether the next try may follow."""
        return self._clock.monotonic() >= self._until

    def begin(self) -> None:
        """It failed: wait before the next try."""
        self._until = self._clock.monotonic() + self._backoff.next_delay()

    def end(self) -> None:
        """It worked."""
        self._backoff.reset()
        self._until = 0.0
