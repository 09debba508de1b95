"""What a run's end means: one table over everything that was seen.

Only what the agent or the kernel's counters say is the program's doing. All else is the platform's.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from runlet.execution import CompileResult, ExecutionResult, Reason
from runner.sandbox.interface import Outcome, Placement, SandboxUnavailableError
from runner.sandbox.protocol import Cause, MemoryReport, StepReport


@dataclass
class StepTranscript:
    """One step: what it printed, and the agent's reports once it ended."""

    stdout: bytearray = field(default_factory=bytearray)
    stderr: bytearray = field(default_factory=bytearray)
    memory: MemoryReport = field(default_factory=MemoryReport)
    report: StepReport | None = None


@dataclass
class Transcript:
    """All that came back from a job.

    `agent_timed_out` means that the agent itself did not report in time, `container_exited` that
    the container ended, `out_of_memory` that the engine says that the container's own memory limit
    was hit, or that the next step has no room in it, `stopped` that the job was stopped between two
    steps, `cancelled` that it was cancelled; `wall_ms` is the time seen from outside.
    """

    steps: list[StepTranscript] = field(default_factory=lambda: [StepTranscript()])
    agent_timed_out: bool = False
    container_exited: bool = False
    out_of_memory: bool = False
    stopped: bool = False
    cancelled: bool = False
    scrubbed: bool = False
    wall_ms: int = 0


@dataclass(frozen=True)
class PlatformFault:
    """A verdict that blames the platform, in a sentence for operators."""

    problem: str


Verdict = Reason | PlatformFault | None


@dataclass(frozen=True)
class WithoutReport:
    """A line of the table for a last step of which the agent sent no report."""

    name: str
    applies: Callable[[Transcript], bool]
    verdict: Verdict


@dataclass(frozen=True)
class WithReport:
    """A line of the table for a reported step.

    `applies` gets the report, whether the container's memory limit was hit, and whether the run was
    cancelled.
    """

    name: str
    applies: Callable[[StepReport, bool, bool], bool]
    verdict: Verdict


# In both tables the first line that applies decides.
WITHOUT_REPORT = (
    WithoutReport(
        "the kernel ended the container for its memory limit, or a step has no room in it",
        lambda seen: seen.out_of_memory,
        Reason.MEMORY_LIMIT,
    ),
    WithoutReport(
        "the container ended",
        lambda seen: seen.container_exited,
        PlatformFault("The container ended in the middle of a run."),
    ),
    WithoutReport(
        "the agent did not report within the limits and the grace",
        lambda _seen: True,
        PlatformFault("The agent of the container did not report in time."),
    ),
)
# Success first: a program that ended with 0 did what it wanted, whatever became of its children.
# Then the narrowest cause.
WITH_REPORT = (
    WithReport(
        "exit code 0",
        lambda report, _limit_hit, _cancelled: (
            report.cause is Cause.EXITED and not report.exit_code and not report.signal
        ),
        None,
    ),
    WithReport(
        "past its output limit",
        lambda report, _limit_hit, _cancelled: report.cause is Cause.OUTPUT_LIMIT,
        Reason.OUTPUT_LIMIT,
    ),
    WithReport(
        "stopped after a cancellation",
        lambda report, _limit_hit, cancelled: report.cause is Cause.STOPPED and cancelled,
        Reason.CANCELLED,
    ),
    WithReport(
        "stopped without a cancellation",
        lambda report, _limit_hit, _cancelled: report.cause is Cause.STOPPED,
        PlatformFault("The container was stopped in the middle of a run."),
    ),
    WithReport(
        "the kernel killed a process, and the memory limit was hit",
        lambda report, limit_hit, _cancelled: report.oom_kills > 0 and limit_hit,
        Reason.MEMORY_LIMIT,
    ),
    WithReport(
        "the kernel killed a process for want of memory within the limit: the host's",
        lambda report, _limit_hit, _cancelled: report.oom_kills > 0,
        PlatformFault("The host ran out of memory."),
    ),
    WithReport(
        "past its limit of wall-clock or CPU time",
        lambda report, _limit_hit, _cancelled: report.cause is Cause.TIME_LIMIT,
        Reason.TIME_LIMIT,
    ),
    WithReport(
        # SIGKILL too: a program may send it to itself, and the kernel's counters know of no other.
        "ended by a signal",
        lambda report, _limit_hit, _cancelled: report.signal > 0,
        Reason.SIGNAL,
    ),
    WithReport(
        "exit code other than 0",
        lambda _report, _limit_hit, _cancelled: True,
        Reason.NONZERO_EXIT,
    ),
)


def judge(transcript: Transcript, compiles: bool, placement: Placement | None = None) -> Outcome:
    """The outcome of a run; `compiles` says that the first step is a compiler.

    Raises SandboxUnavailableError when it ended by a fault of the platform.
    """
    steps = transcript.steps
    compiling = compiles and len(steps) == 1
    reason = _reason(transcript)
    if compiling and reason in (Reason.NONZERO_EXIT, Reason.SIGNAL):
        reason = Reason.COMPILE_ERROR
    compiled = _compile_result(steps[0], transcript) if compiles else None
    if compiling:
        return Outcome(reason, ExecutionResult(compile=compiled), placement)
    return Outcome(reason, _run_result(steps[-1], transcript, compiled), placement)


def succeeded(step: StepTranscript) -> bool:
    """Whether the next step may follow."""
    return step.report is not None and _verdict_on(step.report, False, False) is None


def is_reusable(transcript: Transcript) -> bool:
    """Whether nothing happened that makes a container unfit for another program."""
    return (
        transcript.scrubbed
        and not transcript.agent_timed_out
        and not transcript.container_exited
        and not transcript.stopped
        and all(_is_reusable_after(step.report) for step in transcript.steps)
    )


def _is_reusable_after(report: StepReport | None) -> bool:
    return report is not None and (report.cause, report.others, report.oom_kills) == (
        Cause.EXITED,
        0,
        0,
    )


def _reason(transcript: Transcript) -> Reason | None:
    verdict = _verdict(transcript)
    if isinstance(verdict, PlatformFault):
        raise SandboxUnavailableError(verdict.problem)
    return verdict


def _verdict(transcript: Transcript) -> Verdict:
    if transcript.stopped:
        return Reason.CANCELLED
    step = transcript.steps[-1]
    if step.report is None:
        return next(line.verdict for line in WITHOUT_REPORT if line.applies(transcript))
    limit_hit = transcript.out_of_memory or bool(step.memory.limit_hits)
    return _verdict_on(step.report, limit_hit, transcript.cancelled)


def _verdict_on(report: StepReport, limit_hit: bool, cancelled: bool) -> Verdict:
    return next(line.verdict for line in WITH_REPORT if line.applies(report, limit_hit, cancelled))


def _run_result(
    step: StepTranscript, transcript: Transcript, compiled: CompileResult | None
) -> ExecutionResult:
    report = step.report
    stdout, stderr = _text(step.stdout), _text(step.stderr)
    if report is None:
        return ExecutionResult(
            stdout=stdout,
            stderr=stderr,
            execution_time_ms=transcript.wall_ms,
            compile=compiled,
        )
    return ExecutionResult(
        stdout=stdout,
        stderr=stderr,
        stdout_truncated=report.stdout_truncated,
        stderr_truncated=report.stderr_truncated,
        exit_code=None if report.signal else report.exit_code,
        signal=report.signal or None,
        execution_time_ms=_milliseconds(report.wall_us),
        cpu_time_ms=_milliseconds(report.cpu_us),
        memory_peak_kb=report.peak_kb,
        compile=compiled,
    )


def _compile_result(step: StepTranscript, transcript: Transcript) -> CompileResult:
    report = step.report
    return CompileResult(
        exit_code=None if report is None or report.signal else report.exit_code,
        stdout=_text(step.stdout),
        stderr=_text(step.stderr),
        time_ms=_milliseconds(report.wall_us) if report else transcript.wall_ms,
    )


def _text(data: bytes | bytearray) -> str:
    """Output as the contract has it: UTF-8, with U+FFFD for what does not decode and for NUL."""
    return without_nul(data.decode("utf-8", errors="replace"))


def without_nul(text: str) -> str:
    """Output with U+FFFD for NUL, which the database cannot hold."""
    return text.replace("\0", "\ufffd")


def _milliseconds(microseconds: int) -> int:
    return round(microseconds / 1000)
