"""The sandbox on Docker: a warm container, one job, a verdict."""

import itertools
import random
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random

from runner.sandbox.container import Container, StreamTimeoutError
from runner.sandbox.engine import Engine
from runner.sandbox.interface import Outcome, Program, SandboxUnavailableError
from runner.sandbox.pool import WarmPool
from runner.sandbox.protocol import (
    DONE,
    FAULT,
    STDERR,
    STDOUT,
    STEP,
    Step,
    StepReport,
    decode_step_report,
    encode_job,
)
from runner.sandbox.verdict import StepTranscript, Transcript, is_ordinary, judge

# The agent keeps the limits; past this much more it is taken for frozen.
GRACE_SECONDS = 0.8
SHORT_FAULT_SECONDS = 0.2
# Own user ids, so that no limit the kernel counts by user is shared between runs.
FIRST_UID, LAST_UID = 20_000, 60_000
BASE_ENVIRONMENT = (
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/tmp/work",
    "TMPDIR=/tmp",
    "LANG=C.UTF-8",
)


@dataclass(frozen=True)
class SandboxSettings:
    """How many programs one container may run, and the limits of a compile step."""

    runs_per_container: int
    compile_time_limit_ms: int = 30_000


class DockerSandbox:
    """Runs programs in containers of a pool; see runner.sandbox.interface.Sandbox."""

    def __init__(self, engine: Engine, pool: WarmPool, settings: SandboxSettings) -> None:
        self._engine = engine
        self._pool = pool
        self._settings = settings
        self._uids = _fresh_uids()

    def run(self, program: Program, on_start: Callable[[], None]) -> Outcome:
        """Run a program to its end; a short fault of the platform is tried once more.

        Raises SandboxUnavailableError when the fault stays.
        """
        for attempt in Retrying(
            retry=retry_if_exception_type(SandboxUnavailableError),
            wait=wait_random(0, SHORT_FAULT_SECONDS),
            stop=stop_after_attempt(2),
            reraise=True,
        ):
            with attempt:
                return self._run_once(program, on_start)
        raise AssertionError("a retry loop either returns or raises")

    def _run_once(self, program: Program, on_start: Callable[[], None]) -> Outcome:
        container = self._pool.take(program.language)
        transcript = Transcript()
        try:
            self._engine.limit_memory(container, program.limits.memory_limit_mb)
            on_start()
            self._exchange(container, program, transcript)
        finally:
            self._part_with(container, transcript)
        return judge(transcript, compiles=bool(program.language.compile))

    def _exchange(self, container: Container, program: Program, transcript: Transcript) -> None:
        steps = self._steps(program)
        job = encode_job(
            uid=next(self._uids),
            scrub=self._settings.runs_per_container > 1,
            files=program.files,
            stdin=program.stdin,
            environment=(*BASE_ENVIRONMENT, *program.language.environment),
            steps=steps,
        )
        started = time.monotonic()
        limit_seconds = sum(step.time_limit_ms for step in steps) / 1000
        try:
            container.send(job)
            for kind, content in container.frames(started + limit_seconds + GRACE_SECONDS):
                if _record(kind, content, transcript, len(steps)):
                    return
        except StreamTimeoutError:
            transcript.overdue = True
        else:
            transcript.starved = self._engine.ran_out_of_memory(container)
            if not transcript.starved:
                raise SandboxUnavailableError("The container ended in the middle of a run.")
        finally:
            transcript.wall_ms = round((time.monotonic() - started) * 1000)

    def _part_with(self, container: Container, transcript: Transcript) -> None:
        if is_ordinary(transcript):
            self._pool.give_back(container)
            return
        self._pool.throw_away(container)
        if transcript.overdue:
            # What does not answer does not end by itself either.
            self._engine.remove(container.id)

    def _steps(self, program: Program) -> list[Step]:
        limits, language = program.limits, program.language
        run = Step((*language.run, *program.args), limits.time_limit_ms, limits.output_limit_bytes)
        if not language.compile:
            return [run]
        compile_step = Step(
            language.compile, self._settings.compile_time_limit_ms, limits.output_limit_bytes
        )
        return [compile_step, run]


def _record(kind: bytes, content: bytes, transcript: Transcript, step_count: int) -> bool:
    """Note one frame; True when it is the job's last."""
    step = transcript.steps[-1]
    if kind == STDOUT:
        step.stdout += content
    elif kind == STDERR:
        step.stderr += content
    elif kind == STEP:
        step.report = _read_report(content)
        if len(transcript.steps) < step_count and _succeeded(step):
            transcript.steps.append(StepTranscript())
    elif kind == FAULT:
        raise SandboxUnavailableError(
            f"The program could not be started: {content.decode(errors='replace')}."
        )
    elif kind == DONE:
        transcript.clean = content == b"\1"
        return True
    return False


def _read_report(content: bytes) -> StepReport:
    try:
        return decode_step_report(content)
    except (struct.error, ValueError) as error:
        raise SandboxUnavailableError(f"The agent sent an odd report: {error}.") from error


def _succeeded(step: StepTranscript) -> bool:
    return judge(Transcript(steps=[step]), compiles=False).reason is None


def _fresh_uids() -> Iterator[int]:
    start = random.randrange(FIRST_UID, LAST_UID)
    span = LAST_UID - FIRST_UID
    return (FIRST_UID + (start + offset) % span for offset in itertools.count())
