"""The sandbox on Docker: a warm container, one job, a verdict."""

import itertools
import random
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass

from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random

from runlet.clock import Clock
from runlet.execution import ExecutionResult, Reason
from runlet_telemetry import tracing
from runner.containers.container import Container
from runner.containers.engine import Engine, EngineRefusedError
from runner.containers.engine_probe import EngineProbe
from runner.containers.pool import WarmPool
from runner.sandbox.cancellation_token import CancellationToken
from runner.sandbox.environment import environment_of
from runner.sandbox.interface import (
    Outcome,
    Placement,
    Program,
    RunObserver,
    SandboxUnavailableError,
    StreamName,
)
from runner.sandbox.job import Job
from runner.sandbox.protocol import Step, encode_job
from runner.sandbox.verdict import StepTranscript, Transcript, is_reusable, judge

SHORT_FAULT_SECONDS = 0.2
# Own user ids, so that no limit the kernel counts by user is shared between runs.
FIRST_UID, LAST_UID = 20_000, 60_000
MIB = 1 << 20


@dataclass(frozen=True)
class SandboxSettings:
    """How many programs one container may run, its memory, and the limits of a compile step."""

    runs_per_container: int
    memory_mb: int
    compile_time_limit_ms: int = 30_000


class DockerSandbox:
    """Runs programs in containers of a pool; see runner.sandbox.interface.Sandbox."""

    def __init__(
        self,
        engine: Engine,
        probe: EngineProbe,
        pool: WarmPool,
        settings: SandboxSettings,
        clock: Clock,
    ) -> None:
        self._engine = engine
        self._probe = probe
        self._pool = pool
        self._settings = settings
        self._clock = clock
        self._uids = _fresh_uids()

    def is_available(self) -> bool:
        """Look now whether the engine answers."""
        return self._probe.check()

    def wait_until_available(self, seconds: float) -> bool:
        """Wait up to `seconds` until the engine answers; whether it does."""
        return self._probe.wait_until_available(seconds)

    def run(self, program: Program, observer: RunObserver, token: CancellationToken) -> Outcome:
        """Run a program to its end; a short fault of the platform is tried once more.

        Raises SandboxUnavailableError when the fault stays, when the engine does not answer, and
        when output was published already: another start could print something else, which only
        another attempt may.
        """
        tracker = OutputTracker(observer)
        for attempt in Retrying(
            retry=retry_if_exception(
                lambda error: (
                    isinstance(error, SandboxUnavailableError)
                    and not tracker.has_output
                    and self._probe.check()
                )
            ),
            wait=wait_random(0, SHORT_FAULT_SECONDS),
            stop=stop_after_attempt(2),
            reraise=True,
        ):
            with attempt:
                return self._run_once(program, tracker, token)
        raise AssertionError("a retry loop either returns or raises")

    def _run_once(
        self, program: Program, observer: RunObserver, token: CancellationToken
    ) -> Outcome:
        if token.is_cancelled:
            return Outcome(Reason.CANCELLED, ExecutionResult())
        with tracing.step("acquire a container"):
            container = self._pool.acquire(program.language)
        placement = Placement(self._clock.now(), container.name, program.language.image)
        run_memory = program.limits.memory_limit_mb
        job = Job(
            container,
            placement,
            lambda compiled: self._make_room(container, compiled, run_memory),
            observer,
            token,
        )
        try:
            self._engine.limit_memory(container, self._first_memory_mb(program))
            steps = self._steps(program)
            job.run(self._encode(program, steps), steps)
            self._find_whose_memory(container, job.transcript)
        finally:
            self._return_container(container, job.transcript)
        return judge(job.transcript, bool(program.language.compile), placement)

    def _make_room(self, container: Container, compiled: StepTranscript, memory_mb: int) -> bool:
        """Give the container the run's memory; False when what was compiled takes more already.

        By the kernel's count, that is: an engine may refuse for other reasons.
        """
        try:
            self._engine.limit_memory(container, memory_mb)
        except EngineRefusedError:
            if compiled.memory.used_bytes < memory_mb * MIB:
                raise
            return False
        return True

    def _first_memory_mb(self, program: Program) -> int:
        """A compiler gets what its language needs, however little the program is allowed."""
        limit = program.limits.memory_limit_mb
        if not program.language.compile:
            return limit
        return max(limit, program.language.memory_mb or self._settings.memory_mb)

    def _encode(self, program: Program, steps: list[Step]) -> bytes:
        return encode_job(
            uid=next(self._uids),
            scrub=self._settings.runs_per_container > 1,
            files=program.files,
            stdin=program.stdin,
            environment=environment_of(program.language),
            steps=steps,
        )

    def _steps(self, program: Program) -> list[Step]:
        limits, language = program.limits, program.language
        run = Step((*language.run, *program.args), limits.time_limit_ms, limits.output_limit_bytes)
        if not language.compile:
            return [run]
        compile_step = Step(
            language.compile, self._settings.compile_time_limit_ms, limits.output_limit_bytes
        )
        return [compile_step, run]

    def _find_whose_memory(self, container: Container, transcript: Transcript) -> None:
        """Ask the engine whether the container's own memory ended, where the agent has no count."""
        step = transcript.steps[-1]
        exited = transcript.container_exited and step.report is None
        killed = step.report is not None and step.report.oom_kills > 0
        if exited or (killed and step.memory.limit_hits is None):
            transcript.out_of_memory = self._engine.ran_out_of_memory(container)

    def _return_container(self, container: Container, transcript: Transcript) -> None:
        if is_reusable(transcript):
            self._pool.release(container)
            return
        if transcript.agent_timed_out:
            # What does not answer does not end by itself either.
            self._pool.kill(container)
        else:
            self._pool.discard(container)


class OutputTracker:
    """Passes calls on to an observer, and remembers whether there was output."""

    def __init__(self, observer: RunObserver) -> None:
        self._observer = observer
        self.has_output = False

    def running(self, placement: Placement) -> None:
        """See RunObserver."""
        self._observer.running(placement)

    def printed(self, stream: StreamName, offset: int, text: str) -> "Future[None]":
        """See RunObserver."""
        self.has_output = True
        return self._observer.printed(stream, offset, text)


def _fresh_uids() -> Iterator[int]:
    start = random.randrange(FIRST_UID, LAST_UID)
    span = LAST_UID - FIRST_UID
    return (FIRST_UID + (start + offset) % span for offset in itertools.count())
