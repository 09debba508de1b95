"""A whole runner in this process, and what it does to its broker."""

import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import docker

from runlet import messages, topology
from runlet.config import load
from runlet.lifecycle import StopSignal
from runlet.limits import Limits
from runlet.messages import ExecutionFinished, Message, RunRequested
from runlet_amqp.settings import BrokerSettings
from runner import bootstrap
from runner.config import Config
from runner.containers.engine import ENGINE_SECONDS
from support.broker import vhosts
from support.threads import running
from support.wait_until import eventually

LIMITS = Limits(time_limit_ms=20_000, memory_limit_mb=128, output_limit_bytes=65_536)


def run_request(source: str) -> RunRequested:
    """A request to run a Python program."""
    return RunRequested(
        execution_id=uuid4(),
        session_id=uuid4(),
        language="python",
        source_code=source,
        limits=LIMITS,
        queued_at=datetime.now(UTC),
    )


@dataclass(frozen=True)
class RunningRunner:
    """A runner for Python that takes one run at a time; `stop` is its SIGTERM."""

    broker: BrokerSettings
    stop: StopSignal
    runner: bootstrap.Runner

    def events(self, count: int) -> list[Message]:
        """The next events it published."""
        taken = vhosts.take(self.broker, topology.RESULTS_QUEUE, count)
        return [messages.decode(properties.type, body) for properties, body in taken]

    def finished(self) -> ExecutionFinished:
        """The next end of a run, whether or not its start was published before."""
        while True:
            (event,) = self.events(1)
            if isinstance(event, ExecutionFinished):
                return event


@contextlib.contextmanager
def running_runner(
    amqp_url: str, concurrency: int = 1, engine_url: str = "", **variables: str
) -> Iterator[RunningRunner]:
    """A runner that serves; it has stopped when the block is left.

    Without `engine_url` it has the engine that the environment names.
    """
    engine = {**os.environ, "DOCKER_HOST": engine_url} if engine_url else dict(os.environ)
    settings = load(
        Config,
        {
            "AMQP_URL": amqp_url,
            "RUNNER_LANGUAGES": "python",
            "RUNNER_CONCURRENCY": str(concurrency),
            "SANDBOX_POOL_FLOOR": "1",
            **variables,
        },
    )
    with contextlib.closing(
        docker.DockerClient.from_env(timeout=ENGINE_SECONDS, environment=engine)
    ) as client:
        runner = bootstrap.build(settings, client)
        stop = StopSignal()
        with running(lambda: runner.run(stop), stop):
            eventually(lambda: runner.consumer.connected and runner.publisher.connected)
            yield RunningRunner(settings, stop, runner)


def python_environment() -> dict[str, str]:
    """The environment in which another Python finds what this one imports."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def processes_in(container_processes: list[int]) -> list[str]:
    """What the given processes of the host are called, with their arguments."""
    names = []
    for process in container_processes:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            line = Path(f"/proc/{process}/cmdline").read_bytes()
            names.append(line.replace(b"\0", b" ").decode(errors="replace").strip())
    return names
