"""When callbacks are tried again, and when they count as forgotten."""

from dataclasses import dataclass
from datetime import timedelta

from runlet import topology


@dataclass(frozen=True)
class RetrySchedule:
    """`delays_seconds` come between attempts; there must be a queue for each of them.

    A callback nothing happened to for `quiet` after it should have is asked for again. The sweep
    that does that comes every `sweep_seconds`, and leaves at most `most_waiting` messages in the
    queue, so that a long queue does not grow by what it holds already.
    """

    delays_seconds: tuple[float, ...] = topology.CALLBACK_DELAYS_SECONDS
    quiet: timedelta = timedelta(seconds=60)
    sweep_seconds: float = 15
    most_waiting: int = 500

    @property
    def most_attempts(self) -> int:
        """How often a receiver is called at most for one end."""
        return len(self.delays_seconds) + 1

    def delay_after(self, failed_attempts: int) -> float | None:
        """Seconds until the next attempt; None when there is none."""
        if failed_attempts >= self.most_attempts:
            return None
        return self.delays_seconds[failed_attempts - 1]
