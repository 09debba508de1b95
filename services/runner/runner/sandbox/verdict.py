"""What a run's end means: one order of precedence over everything that was seen."""

from dataclasses import dataclass, field

from runlet.execution import CompileResult, ExecutionResult, Reason
from runner.sandbox.interface import Outcome
from runner.sandbox.protocol import Cause, StepReport


@dataclass
class StepTranscript:
    """One step: what it printed, and the agent's report once it ended."""

    stdout: bytearray = field(default_factory=bytearray)
    stderr: bytearray = field(default_factory=bytearray)
    report: StepReport | None = None


@dataclass
class Transcript:
    """All that came back from a job.

    `overdue` means that the agent itself did not answer in time, `ended` that the container went
    away, `starved` that the kernel took it for its memory, `stopped` that it was told to stop
    between two steps; `wall_ms` is the time seen from outside.
    """

    steps: list[StepTranscript] = field(default_factory=lambda: [StepTranscript()])
    overdue: bool = False
    ended: bool = False
    starved: bool = False
    stopped: bool = False
    clean: bool = False
    wall_ms: int = 0


def judge(transcript: Transcript, compiles: bool) -> Outcome:
    """The outcome of a run; `compiles` says that the first step is a compiler."""
    steps = transcript.steps
    compiling = compiles and len(steps) == 1
    reason = _reason(transcript, steps[-1])
    if compiling and reason in (Reason.NONZERO_EXIT, Reason.SIGNAL):
        reason = Reason.COMPILE_ERROR
    compiled = _compile_result(steps[0], transcript) if compiles else None
    if compiling:
        return Outcome(reason, ExecutionResult(compile=compiled))
    return Outcome(reason, _run_result(steps[-1], transcript, compiled))


def succeeded(step: StepTranscript) -> bool:
    """Whether the next step may follow."""
    return step.report is not None and _reason_of(step.report) is None


def is_ordinary(transcript: Transcript) -> bool:
    """Whether nothing happened that makes a container unfit for another program."""
    return (
        transcript.clean
        and not transcript.overdue
        and not transcript.ended
        and not transcript.stopped
        and all(_is_ordinary_step(step.report) for step in transcript.steps)
    )


def _is_ordinary_step(report: StepReport | None) -> bool:
    return report is not None and (report.cause, report.others, report.oom_kills) == (
        Cause.EXITED,
        0,
        0,
    )


def _reason(transcript: Transcript, step: StepTranscript) -> Reason | None:
    report = step.report
    if transcript.stopped:
        return Reason.CANCELLED
    if report is None:
        return Reason.MEMORY_LIMIT if transcript.starved else Reason.TIME_LIMIT
    return _reason_of(report)


def _reason_of(report: StepReport) -> Reason | None:
    """Success first: a program that ended with 0 did what it wanted, whatever its children did.

    Then the narrowest cause: output, a caller's wish, memory (by the kernel's own count), time,
    signal, exit code.
    """
    if report.cause is Cause.EXITED and not report.exit_code and not report.signal:
        return None
    if report.cause is Cause.OUTPUT_LIMIT:
        return Reason.OUTPUT_LIMIT
    if report.cause is Cause.STOPPED:
        return Reason.CANCELLED
    if report.oom_kills:
        return Reason.MEMORY_LIMIT
    if report.cause is Cause.TIME_LIMIT:
        return Reason.TIME_LIMIT
    return Reason.SIGNAL if report.signal else Reason.NONZERO_EXIT


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
