"""Waiting for what happens in another thread or process."""

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")

PAUSE_SECONDS = 0.01
# Only a failure takes that long, so a slow machine is given what it may need.
FAILURE_SECONDS = 120.0


def eventually(
    look: Callable[[], Value],
    seconds: float = FAILURE_SECONDS,
    pause_seconds: float = PAUSE_SECONDS,
) -> Value:
    """Look until what is seen is true, and give it. Fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, f"Still {seen!r} after {seconds} seconds."
        time.sleep(pause_seconds)
    return seen
