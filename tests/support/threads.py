"""Loops that run beside a test."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from runlet.lifecycle import StopSignal


@contextmanager
def running(loop: Callable[[], object], stop: StopSignal) -> Iterator[None]:
    """Run `loop` in a thread; it is stopped, and has ended, when the block is left."""
    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
