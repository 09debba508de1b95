"""Noticing loops that have died or hang."""

from runlet.clock import Clock
from runlet.lifecycle import StopSignal

# Longer than the slowest turn of a loop: one that waits for a server that does not answer.
LONGEST_TURN_SECONDS = 120.0


class Pulse(StopSignal):
    """A stop signal for one loop, which beats whenever the loop looks at it."""

    def __init__(self, stop: StopSignal, clock: Clock, pause_seconds: float = 0) -> None:
        super().__init__()
        self._stop = stop
        self._clock = clock
        self._patience = pause_seconds + LONGEST_TURN_SECONDS
        self._last_beat = clock.monotonic()

    @property
    def beating(self) -> bool:
        """Whether the loop has looked lately; `pause_seconds` is how long it may wait."""
        return self._clock.monotonic() - self._last_beat < self._patience

    def set(self) -> None:
        """Ask everything that watches the shared signal to stop."""
        self._stop.set()

    def is_set(self) -> bool:
        """Whether stopping was asked for."""
        self._last_beat = self._clock.monotonic()
        return self._stop.is_set()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until stopping is asked for; False when `seconds` passed first."""
        self._last_beat = self._clock.monotonic()
        return self._stop.wait(seconds)


class Pulses:
    """One pulse for each loop of a process."""

    def __init__(self, stop: StopSignal, clock: Clock) -> None:
        self._stop = stop
        self._clock = clock
        self._pulses: list[Pulse] = []

    def add(self, pause_seconds: float = 0) -> Pulse:
        """The pulse of one more loop, which may wait `pause_seconds` between its turns."""
        pulse = Pulse(self._stop, self._clock, pause_seconds)
        self._pulses.append(pulse)
        return pulse

    def beat(self) -> bool:
        """Whether every loop goes on."""
        return all(pulse.beating for pulse in self._pulses)
