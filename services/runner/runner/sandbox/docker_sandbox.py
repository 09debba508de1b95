"""The sandbox on Docker: a warm container, one job, a verdict."""

import itertools
import random
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass

from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random

from runlet.execution import ExecutionResult, Reason
from runlet_telemetry import tracing
from runner.containers.container import Container
from runner.containers.engine import Engine
from runner.containers.pool import WarmPool
from runner.sandbox.cancellation_token import StopRequest
from runner.sandbox.environment import environment_of
from runner.sandbox.interface import (
    OnOutput,
    Outcome,
    Program,
    SandboxUnavailableError,
    StreamName,
)
from runner.sandbox.job import Job
from runner.sandbox.protocol import Step, encode_job
from runner.sandbox.verdict import Transcript, is_ordinary, judge

SHORT_FAULT_SECONDS = 0.2
# Own user ids, so that no limit the kernel counts by user is shared between runs.
FIRST_UID, LAST_UID = 20_000, 60_000


@dataclass(frozen=True)
class SandboxSettings:
    """How many programs one container may run, its memory, and the limits of a compile step."""

    runs_per_container: int
    memory_mb: int
    compile_time_limit_ms: int = 30_000


class DockerSandbox:
    """Runs programs in containers of a pool; see runner.sandbox.interface.Sandbox."""

    def __init__(self, engine: Engine, pool: WarmPool, settings: SandboxSettings) -> None:
        self._engine = engine
        self._pool = pool
        self._settings = settings
        self._uids = _fresh_uids()

    def run(
        self,
        program: Program,
        on_start: Callable[[], None],
        on_lasting: Callable[[], None],
        on_output: OnOutput,
        stop: StopRequest,
    ) -> Outcome:
        """Run a program to its end; a short fault of the platform is tried once more.

        Raises SandboxUnavailableError when the fault stays, and when others have heard the program
        already: another start could print something else, which only another attempt may.
        """
        heard = _Heard(on_output)
        for attempt in Retrying(
            retry=retry_if_exception(
                lambda error: isinstance(error, SandboxUnavailableError) and not heard.anything
            ),
            wait=wait_random(0, SHORT_FAULT_SECONDS),
            stop=stop_after_attempt(2),
            reraise=True,
        ):
            with attempt:
                return self._run_once(program, on_start, on_lasting, heard, stop)
        raise AssertionError("a retry loop either returns or raises")

    def _run_once(
        self,
        program: Program,
        on_start: Callable[[], None],
        on_lasting: Callable[[], None],
        on_output: OnOutput,
        stop: StopRequest,
    ) -> Outcome:
        if stop.asked:
            return Outcome(Reason.CANCELLED, ExecutionResult())
        with tracing.step("acquire a container"):
            container = self._pool.take(program.language)
        run_memory = program.limits.memory_limit_mb
        job = Job(container, lambda: self._fits_into(container, run_memory), on_output, stop)
        try:
            self._engine.limit_memory(container, self._first_memory_mb(program))
            steps = self._steps(program)
            job.run(self._encode(program, steps), steps, on_start, on_lasting)
            self._look_into_end(container, job.transcript)
        finally:
            self._part_with(container, job.transcript)
        return judge(job.transcript, compiles=bool(program.language.compile))

    def _fits_into(self, container: Container, memory_mb: int) -> bool:
        """Give the container the run's memory; False when what was compiled takes more already."""
        try:
            self._engine.limit_memory(container, memory_mb)
        except SandboxUnavailableError:
            if not self._engine.answers():
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

    def _look_into_end(self, container: Container, transcript: Transcript) -> None:
        if transcript.ended and transcript.steps[-1].report is None:
            if not self._engine.ran_out_of_memory(container):
                raise SandboxUnavailableError("The container ended in the middle of a run.")
            transcript.starved = True

    def _part_with(self, container: Container, transcript: Transcript) -> None:
        if is_ordinary(transcript):
            self._pool.give_back(container)
            return
        if transcript.overdue:
            # What does not answer does not end by itself either.
            self._pool.remove(container)
        else:
            self._pool.throw_away(container)


class _Heard:
    """Passes output on, and remembers that there was some."""

    def __init__(self, on_output: OnOutput) -> None:
        self._on_output = on_output
        self.anything = False

    def __call__(self, stream: StreamName, offset: int, text: str) -> "Future[None]":
        self.anything = True
        return self._on_output(stream, offset, text)


def _fresh_uids() -> Iterator[int]:
    start = random.randrange(FIRST_UID, LAST_UID)
    span = LAST_UID - FIRST_UID
    return (FIRST_UID + (start + offset) % span for offset in itertools.count())
