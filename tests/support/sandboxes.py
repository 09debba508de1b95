"""Sandboxes on the real engine, for tests."""

import contextlib
import os
import socket
from collections.abc import Iterator

import docker

from runlet.clock import SystemClock
from runlet.languages import LANGUAGES
from runlet.limits import Limits
from runner.sandbox.docker_sandbox import DockerSandbox, SandboxSettings
from runner.sandbox.engine import ContainerSettings, Engine
from runner.sandbox.interface import Outcome, Program, SourceFile
from runner.sandbox.pool import PoolSize, WarmPool
from runner.sandbox.reaper import HOST_OWNER_PREFIX

DEFAULT_LIMITS = Limits(time_limit_ms=5000, memory_limit_mb=256, output_limit_bytes=1 << 20)


class TestBed:
    """A sandbox with an engine of its own name, and a short way to run programs in it."""

    __test__ = False

    def __init__(self, engine: Engine, pool: WarmPool, runs_per_container: int) -> None:
        self.engine = engine
        self.pool = pool
        self.sandbox = DockerSandbox(
            engine, pool, SandboxSettings(runs_per_container, DEFAULT_LIMITS.memory_limit_mb)
        )

    def run(
        self,
        source: str,
        language: str = "python",
        *,
        stdin: str = "",
        args: tuple[str, ...] = (),
        files: tuple[SourceFile, ...] = (),
        limits: Limits = DEFAULT_LIMITS,
    ) -> Outcome:
        """Run one program."""
        declared = LANGUAGES[language]
        main = SourceFile(declared.file_name, source.encode())
        program = Program(declared, (main, *files), stdin.encode(), args, limits)
        return self.sandbox.run(program, on_start=lambda: None)


@contextlib.contextmanager
def open_test_bed(runs_per_container: int) -> Iterator[TestBed]:
    """A test bed whose containers are gone when it ends."""
    owner = f"{HOST_OWNER_PREFIX}{socket.gethostname()}:{os.getpid()}"
    with contextlib.closing(docker.DockerClient.from_env()) as client:
        engine = Engine(client, ContainerSettings(owner, None, DEFAULT_LIMITS.memory_limit_mb))
        pool = WarmPool(
            [], PoolSize(0, 4), runs_per_container, engine.start_container, SystemClock()
        )
        try:
            yield TestBed(engine, pool, runs_per_container)
        finally:
            pool.close()
