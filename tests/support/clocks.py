"""Clocks that tests move by hand."""

from datetime import UTC, datetime, timedelta


class ManualClock:
    """Stands still until it is moved; see runlet.clock.Clock."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self._seconds += seconds

    def now(self) -> datetime:
        """A fixed day, plus what was moved."""
        return datetime(2030, 1, 1, tzinfo=UTC) + timedelta(seconds=self._seconds)

    def monotonic(self) -> float:
        """What was moved."""
        return self._seconds
