"""Whether the container engine answers, so that no run is started only to fail."""

import threading
from collections.abc import Callable

import structlog

from runlet.backoff import Stop

log = structlog.get_logger()

PROBE_SECONDS = 1.0


class EngineProbe:
    """Asks the engine again and again; any thread may call it.

    `answers` says whether the engine answers, within a few seconds.
    """

    def __init__(self, answers: Callable[[], bool]) -> None:
        self._answers = answers
        self._changed = threading.Condition()
        self._available = True
        self._stopping = False

    def run(self, stop: Stop) -> None:
        """The loop of the probe, until `stop` is set."""
        while not stop.is_set():
            self.check()
            stop.wait(PROBE_SECONDS)

    def check(self) -> bool:
        """Ask the engine now; whether it answers."""
        available = self._answers()
        self._note(available)
        return available

    def wait_until_available(self, seconds: float) -> bool:
        """Wait up to `seconds` until the engine answers; whether it did when last asked."""
        with self._changed:
            self._changed.wait_for(lambda: self._available or self._stopping, seconds)
            return self._available

    def end_waits(self) -> None:
        """End all waits, now and from now on: the runner stops."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def _note(self, available: bool) -> None:
        with self._changed:
            if available == self._available:
                return
            self._available = available
            self._changed.notify_all()
        if available:
            log.info("engine_recovered")
        else:
            log.warning("engine_unavailable")
