"""How long the steps of stopping may take."""

from runlet.clock import Clock

# A run of the longest time limit ends within it, and is published.
STOP_SECONDS = 62.0
# For what waits for no run: whatever hangs there does not keep the process.
STEP_SECONDS = 10.0
# What each step is left when those before have used up the time.
LAST_STEP_SECONDS = 1.5


class StopTime:
    """What is left of STOP_SECONDS, from now on, to all steps together.

    Whoever stops the process waits longer (stop_grace_period), and ends it by force then.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ends_at = clock.monotonic() + STOP_SECONDS

    def for_runs(self) -> float:
        """Seconds for a step that waits for runs in hand."""
        return max(LAST_STEP_SECONDS, self._ends_at - self._clock.monotonic())

    def for_step(self) -> float:
        """Seconds for any other step."""
        return min(STEP_SECONDS, self.for_runs())
