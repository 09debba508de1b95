"""Sandboxes on the real engine, for tests."""

import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass

import docker

from runlet.clock import SystemClock
from runlet.languages import LANGUAGES, Language
from runlet.limits import Limits
from runner.bootstrap import owner_name
from runner.containers.container import Container
from runner.containers.engine import ContainerSettings, Engine, name_of
from runner.containers.pool import PoolSize, WarmPool
from runner.instrumentation import PoolMeter
from runner.sandbox.cancellation_token import StopRequest
from runner.sandbox.docker_sandbox import DockerSandbox, SandboxSettings
from runner.sandbox.interface import OnOutput, Outcome, Program, SourceFile, StreamName

DEFAULT_LIMITS = Limits(time_limit_ms=5000, memory_limit_mb=256, output_limit_bytes=1 << 20)


def unheard(_stream: StreamName, _offset: int, _text: str) -> "Future[None]":
    """Nobody listens to the program."""
    return Future()


def ignored() -> None:
    """Nobody cares when the program starts."""


@dataclass(frozen=True)
class FrozenRun:
    """How a run in a frozen container ended, and after how many seconds."""

    outcome: Outcome
    seconds: float
    container_name: str


class TestBed:
    """A sandbox with an engine of its own name, and a short way to run programs in it.

    `started` holds the ids of all containers it ever started.
    """

    __test__ = False

    def __init__(
        self,
        engine: Engine,
        pool: "RecordingPool",
        neighbours: WarmPool,
        settings: SandboxSettings,
        started: set[str],
    ) -> None:
        self.engine = engine
        self.started = started
        self.pool = pool
        self.compile_seconds = settings.compile_time_limit_ms / 1000
        self.sandbox = DockerSandbox(engine, pool, settings)
        self._neighbours = DockerSandbox(engine, neighbours, settings)

    def run(
        self,
        source: str,
        language: str = "python",
        *,
        stdin: str = "",
        args: tuple[str, ...] = (),
        files: tuple[SourceFile, ...] = (),
        limits: Limits = DEFAULT_LIMITS,
        stop: StopRequest | None = None,
        on_output: OnOutput = unheard,
    ) -> Outcome:
        """Run one program."""
        program = _program(source, language, stdin, args, files, limits)
        return self.sandbox.run(program, ignored, ignored, on_output, stop or StopRequest())

    def run_beside(self, source: str) -> Outcome:
        """Run one program in a container that no other program of this bed gets."""
        program = _program(source, "python", "", (), (), DEFAULT_LIMITS)
        return self._neighbours.run(program, ignored, ignored, unheard, StopRequest())

    def run_frozen(self, source: str, limits: Limits) -> FrozenRun:
        """Run one program in a container that the engine freezes just before it starts."""
        program = _program(source, "python", "", (), (), limits)
        started = time.monotonic()

        def freeze() -> None:
            nonlocal started
            self.pool.client.api.pause(self.pool.last_taken.name)
            started = time.monotonic()

        outcome = self.sandbox.run(program, freeze, ignored, unheard, StopRequest())
        return FrozenRun(outcome, time.monotonic() - started, self.pool.last_taken.name)


class RecordingPool(WarmPool):
    """A pool that remembers which container it gave out last, and the engine it is on."""

    client: docker.DockerClient
    last_taken: Container

    def take(self, language: Language) -> Container:
        """Take a container; see WarmPool.take."""
        self.last_taken = super().take(language)
        return self.last_taken


def _program(
    source: str,
    language: str,
    stdin: str,
    args: tuple[str, ...],
    files: tuple[SourceFile, ...],
    limits: Limits,
) -> Program:
    declared = LANGUAGES[language]
    main = SourceFile(declared.file_name, source.encode())
    return Program(declared, (main, *files), stdin.encode(), args, limits)


@contextlib.contextmanager
def open_test_bed(
    runs_per_container: int, compile_time_limit_ms: int = 30_000, fork_servers: bool = True
) -> Iterator[TestBed]:
    """A test bed whose containers are gone when it ends."""
    settings = SandboxSettings(
        runs_per_container, DEFAULT_LIMITS.memory_limit_mb, compile_time_limit_ms
    )
    with contextlib.closing(docker.DockerClient.from_env()) as client:
        memory_mb = DEFAULT_LIMITS.memory_limit_mb
        engine = Engine(
            client, ContainerSettings(owner_name(client), None, memory_mb, fork_servers)
        )
        started: set[str] = set()

        def start(language: Language) -> Container:
            container = engine.start_container(language)
            listed = engine.sandboxes()
            started.update(each["Id"] for each in listed if name_of(each) == container.name)
            return container

        pool, neighbours = (
            RecordingPool(
                [], size, runs_per_container, start, engine.remove, SystemClock(), PoolMeter()
            )
            for size in (PoolSize(0, 4), PoolSize(0, 1))
        )
        pool.client = client
        try:
            yield TestBed(engine, pool, neighbours, settings, started)
        finally:
            pool.close()
            neighbours.close()
