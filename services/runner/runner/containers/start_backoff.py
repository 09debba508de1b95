"""When a start that failed may be tried again."""

from runlet.backoff import Backoff
from runlet.clock import Clock


class StartBackoff:
    """Delays that grow from failure to failure, bounded and jittered; safe for several threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._backoff = Backoff()
        self._until = 0.0

    def allows_start(self) -> bool:
        """Whether the next start may follow."""
        return self._clock.monotonic() >= self._until

    def note_failure(self) -> None:
        """Delay the next start."""
        self._until = self._clock.monotonic() + self._backoff.next_delay()

    def note_success(self) -> None:
        """Allow the next start at once."""
        self._backoff.reset()
        self._until = 0.0
