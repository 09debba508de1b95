"""How slow the machine is, so that bounds in seconds mean the same on each."""

import time
from concurrent.futures import ThreadPoolExecutor

from support.deployments.api_client import Platform

RUNS = 12
AT_ONCE = 4
# What they take, each in a container of its own, where the bounds were set: two idle cores.
NORMAL_SECONDS = 5.0


def measure_slowness(platform: Platform) -> float:
    """How many times longer than normal some runs take; at least 1."""
    started = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as callers:
        for execution in callers.map(lambda _: platform.run("print(6 * 7)"), range(RUNS)):
            assert execution["stdout"] == "42\n", execution
    return max(1.0, (time.monotonic() - started) / NORMAL_SECONDS)
