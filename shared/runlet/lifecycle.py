"""Starting and stopping a process that serves until it is told to stop."""

import signal
import sys
import threading
from types import FrameType

# The default is 5 ms, a third of what a whole run takes.
TURN_SECONDS = 0.0005


def set_thread_switch_interval() -> None:
    """Have a thread that computes let others compute soon.

    Who hands a message to the thread that sends it computes on, and meanwhile nothing is sent.
    """
    sys.setswitchinterval(TURN_SECONDS)


class StopSignal:
    """Set by SIGTERM or SIGINT; loops wait on it instead of sleeping."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def install(self) -> None:
        """Listen for SIGTERM and SIGINT; call it from the main thread."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def set(self) -> None:
        """Ask everything that watches this signal to stop."""
        self._event.set()

    def is_set(self) -> bool:
        """Whether stopping was asked for."""
        return self._event.is_set()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until stopping is asked for; False when `seconds` passed first."""
        return self._event.wait(seconds)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._event.set()
