"""Observers of runs, for tests."""

from collections.abc import Callable
from concurrent.futures import Future

from runner.sandbox.interface import Placement, StreamName

OnOutput = Callable[[StreamName, int, str], "Future[None]"]


def discard_output(_stream: StreamName, _offset: int, _text: str) -> "Future[None]":
    """Take output that does not arrive."""
    return Future()


def ignore_start(_placement: Placement) -> None:
    """Take no notice of a run that lasts."""


class Observer:
    """Calls `on_output` and `on_running`; see runner.sandbox.interface.RunObserver."""

    def __init__(
        self,
        on_output: OnOutput = discard_output,
        on_running: Callable[[Placement], None] = ignore_start,
    ) -> None:
        self._on_output = on_output
        self._on_running = on_running

    def running(self, placement: Placement) -> None:
        """Hand on that the program goes on."""
        self._on_running(placement)

    def printed(self, stream: StreamName, offset: int, text: str) -> "Future[None]":
        """Hand on what the program printed."""
        return self._on_output(stream, offset, text)
