"""Doing things at the same moment."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Value = TypeVar("Value")


def at_once(count: int, act: Callable[[], Value]) -> list[Value]:
    """Call `act` from `count` threads that all begin together."""
    barrier = threading.Barrier(count)

    def wait_and_act() -> Value:
        barrier.wait()
        return act()

    with ThreadPoolExecutor(count) as pool:
        return [future.result() for future in [pool.submit(wait_and_act) for _ in range(count)]]
