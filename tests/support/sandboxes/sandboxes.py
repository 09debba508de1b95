"""Sandboxes on the real engine, for tests."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import docker

from runlet.clock import SystemClock
from runlet.languages import LANGUAGES, Language
from runlet.limits import Limits
from runner.bootstrap import owner_name
from runner.containers.container import Container
from runner.containers.engine import ENGINE_SECONDS, ContainerSettings, Engine, name_of
from runner.containers.engine_probe import EngineProbe
from runner.containers.pool import PoolSize, WarmPool
from runner.instrumentation import PoolMeter
from runner.sandbox.cancellation_token import CancellationToken
from runner.sandbox.docker_sandbox import DockerSandbox, SandboxSettings
from runner.sandbox.interface import Outcome, Program, SandboxUnavailableError, SourceFile
from support.frozen import freeze
from support.loops import supervised
from support.sandboxes.observers import Observer, OnOutput, discard_output

DEFAULT_LIMITS = Limits(time_limit_ms=5000, memory_limit_mb=256, output_limit_bytes=1 << 20)


@dataclass(frozen=True)
class FrozenRun:
    """How a run in a frozen container ended, after how many seconds, and in which containers."""

    fault: SandboxUnavailableError
    seconds: float
    container_names: tuple[str, ...]


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
        self.sandbox = _sandbox(engine, pool, settings)
        self._neighbours = _sandbox(engine, neighbours, settings)

    def run(
        self,
        source: str,
        language: str = "python",
        *,
        stdin: str = "",
        args: tuple[str, ...] = (),
        files: tuple[SourceFile, ...] = (),
        limits: Limits = DEFAULT_LIMITS,
        token: CancellationToken | None = None,
        on_output: OnOutput = discard_output,
    ) -> Outcome:
        """Run one program."""
        program = _program(source, language, stdin, args, files, limits)
        return self.sandbox.run(program, Observer(on_output), token or CancellationToken())

    def run_observed(
        self, source: str, limits: Limits, observer: Observer, token: CancellationToken
    ) -> Outcome:
        """Run one Python program with an observer of one's own."""
        return self.sandbox.run(_program(source, "python", "", (), (), limits), observer, token)

    def run_beside(self, source: str) -> Outcome:
        """Run one program in a container that no other program of this bed gets."""
        program = _program(source, "python", "", (), (), DEFAULT_LIMITS)
        return self._neighbours.run(program, Observer(), CancellationToken())

    def run_frozen(self, source: str, limits: Limits) -> FrozenRun:
        """Run one program in containers that the engine freezes just before it starts."""
        program = _program(source, "python", "", (), (), limits)
        started, frozen = time.monotonic(), list[str]()

        def freeze_acquired(container: Container) -> None:
            freeze(self.pool.client.api, container.name)
            frozen.append(container.name)

        self.pool.on_acquired = freeze_acquired
        try:
            outcome = self.sandbox.run(program, Observer(), CancellationToken())
        except SandboxUnavailableError as fault:
            return FrozenRun(fault, time.monotonic() - started, tuple(frozen))
        finally:
            self.pool.on_acquired = _leave_alone
        raise AssertionError(f"A frozen container gave {outcome}.")


def _leave_alone(_container: Container) -> None:
    """What happens to a container that is acquired, unless a test says otherwise."""


def _sandbox(engine: Engine, pool: WarmPool, settings: SandboxSettings) -> DockerSandbox:
    return DockerSandbox(engine, EngineProbe(engine.answers), pool, settings, SystemClock())


class RecordingPool(WarmPool):
    """A pool that remembers which container it gave out last, and the engine it is on."""

    client: docker.DockerClient
    last_acquired: Container
    on_acquired: Callable[[Container], None] = staticmethod(_leave_alone)

    def acquire(self, language: Language) -> Container:
        """Acquire a container; see WarmPool.acquire."""
        self.last_acquired = super().acquire(language)
        self.on_acquired(self.last_acquired)
        return self.last_acquired


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
    with contextlib.closing(docker.DockerClient.from_env(timeout=ENGINE_SECONDS)) as client:
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
            with supervised(*pool.loops()):
                yield TestBed(engine, pool, neighbours, settings, started)
        finally:
            pool.close()
            neighbours.close()
