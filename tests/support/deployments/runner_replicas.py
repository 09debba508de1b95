"""The runners of the stack under test: how many, and what they get done."""

import os
import shlex
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

from runlet import topology
from runlet_amqp.connection import connect
from support.broker.vhosts import AMQP_VARIABLE
from support.deployments.api_client import Platform, required
from support.wait_until import eventually

SECONDS_TO_SCALE = 450
VHOST = "runlet"


class Throughput(NamedTuple):
    """So many runs ended in so many seconds, while there was always more to do."""

    runs: int
    seconds: float

    @property
    def per_second(self) -> float:
        """Runs each second."""
        return self.runs / self.seconds


@contextmanager
def runners_with(**settings: str) -> Iterator[Callable[[int], None]]:
    """Gives what sets the number of runners with these settings, and waits until all take work.

    Afterwards there is one runner, as before.
    """

    def scale(count: int) -> None:
        _scale(count, settings)
        eventually(lambda: consumers(_broker()) == count, SECONDS_TO_SCALE)

    try:
        yield scale
    finally:
        _scale(1, {})
        eventually(lambda: consumers(_broker()) == 1, SECONDS_TO_SCALE)


def throughput(platform: Platform, source: str, runs: int, slots: int) -> Throughput:
    """Carry out runs, each in a session of its own, so that as many wait as there are slots.

    All at once would be a burst of calls, which takes the processors and not the slots. As many
    ends as there are slots are left out at the beginning and in the end, where slots are empty.
    """
    sessions = [platform.open_session(source) for _ in range(runs)]

    def run(session_id: str) -> datetime:
        execution = platform.result(platform.start(session_id, time_limit_ms=20_000))
        assert execution["status"] == "COMPLETED", execution
        return datetime.fromisoformat(execution["finished_at"])

    with ThreadPoolExecutor(2 * slots) as learners:
        ends = sorted(learners.map(run, sessions))
    first, last = slots - 1, runs - slots - 1
    return Throughput(last - first, (ends[last] - ends[first]).total_seconds())


def _scale(count: int, settings: dict[str, str]) -> None:
    command = [*shlex.split(required("RUNLET_TEST_COMPOSE")), "up", "-d", "--no-deps"]
    done = subprocess.run(
        [*command, "--scale", f"runner={count}", "runner"],
        env={**os.environ, **settings, "COMPOSE_INTERACTIVE_NO_CLI": "1"},
        capture_output=True,
        text=True,
        timeout=SECONDS_TO_SCALE,
    )
    assert done.returncode == 0, done.stderr


def consumers(amqp_url: str) -> int:
    """How many runners for Python wait for work."""
    with connect(amqp_url, "test") as connection:
        queue = topology.run_queue("python")
        declared = connection.channel().queue_declare(queue, passive=True)
        count: int = declared.method.consumer_count
        return count


def _broker() -> str:
    return f"{required(AMQP_VARIABLE).rstrip('/')}/{VHOST}"
