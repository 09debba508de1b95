"""When an attempt started, and whether the others know."""

from collections.abc import Callable
from datetime import datetime

from runlet.clock import Clock


class Start:
    """The start of one attempt, told at most once: while it lasts, or in one breath with its end.

    `tell_of` publishes it.
    """

    def __init__(self, clock: Clock, tell_of: Callable[[datetime], None]) -> None:
        self._clock = clock
        self._tell_of = tell_of
        self._is_told = False
        self.at: datetime | None = None

    def note(self) -> datetime:
        """It starts now; a program that had to start over did so at the last of these moments."""
        self.at = self._clock.now()
        return self.at

    def tell(self) -> None:
        """Tell that it has started, unless it has not or that was told."""
        if self.at is not None and not self._is_told:
            self._is_told = True
            self._tell_of(self.at)
