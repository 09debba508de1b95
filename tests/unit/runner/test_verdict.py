import pytest

from runlet.execution import Reason
from runner.sandbox.protocol import Cause, StepReport
from runner.sandbox.verdict import StepTranscript, Transcript, is_ordinary, judge


def report(
    cause: Cause = Cause.EXITED,
    exit_code: int = 0,
    signal: int = 0,
    oom_kills: int = 0,
    others: int = 0,
) -> StepReport:
    return StepReport(cause, False, False, exit_code, signal, oom_kills, others, 1500, 900, 64)


def transcript(*reports: StepReport | None, clean: bool = True) -> Transcript:
    return Transcript(steps=[StepTranscript(report=each) for each in reports], clean=clean)


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (report(), None),
        (report(oom_kills=1), None),
        (report(exit_code=3), Reason.NONZERO_EXIT),
        (report(signal=11), Reason.SIGNAL),
        (report(signal=9, oom_kills=1), Reason.MEMORY_LIMIT),
        (report(exit_code=1, oom_kills=1), Reason.MEMORY_LIMIT),
        (report(Cause.TIME_LIMIT, signal=9), Reason.TIME_LIMIT),
        (report(Cause.TIME_LIMIT, signal=9, oom_kills=1), Reason.MEMORY_LIMIT),
        (report(Cause.OUTPUT_LIMIT, signal=9, oom_kills=1), Reason.OUTPUT_LIMIT),
        (report(signal=24), Reason.SIGNAL),
        (report(Cause.STOPPED, signal=9), Reason.CANCELLED),
        (report(Cause.STOPPED, signal=9, oom_kills=1), Reason.CANCELLED),
    ],
)
def test_the_narrowest_cause_wins(seen: StepReport, reason: Reason | None) -> None:
    assert judge(transcript(seen), compiles=False).reason is reason


def test_a_container_that_does_not_answer_is_a_time_out_with_the_time_seen_outside() -> None:
    frozen = transcript(None)
    frozen.overdue, frozen.wall_ms = True, 2800

    outcome = judge(frozen, compiles=False)

    assert outcome.reason is Reason.TIME_LIMIT
    assert outcome.result.execution_time_ms == 2800


def test_a_container_taken_by_the_kernel_is_a_memory_limit() -> None:
    taken = transcript(None)
    taken.ended = taken.starved = True

    assert judge(taken, compiles=False).reason is Reason.MEMORY_LIMIT


def test_a_failing_compiler_is_a_compile_error_with_its_output_in_compile() -> None:
    seen = transcript(report(exit_code=1))
    seen.steps[0].stderr += b"main.c:1: error"

    outcome = judge(seen, compiles=True)

    assert outcome.reason is Reason.COMPILE_ERROR
    assert outcome.result.compile is not None
    assert outcome.result.compile.stderr == "main.c:1: error"
    assert outcome.result.stderr == ""


def test_a_compiler_past_its_time_is_a_time_out() -> None:
    seen = transcript(report(Cause.TIME_LIMIT, signal=9))

    assert judge(seen, compiles=True).reason is Reason.TIME_LIMIT


def test_a_stop_after_the_compiler_is_a_cancellation_that_keeps_what_it_said() -> None:
    seen = transcript(report())
    seen.stopped = True
    seen.steps[0].stdout += b"compiled"

    outcome = judge(seen, compiles=True)

    assert outcome.reason is Reason.CANCELLED
    assert outcome.result.compile is not None
    assert outcome.result.compile.stdout == "compiled"


def test_output_is_utf_8_with_replacements_for_what_is_not_and_for_nul() -> None:
    seen = transcript(report())
    seen.steps[0].stdout += b"a\0b\xffc\xc3\xa9"

    assert judge(seen, compiles=False).result.stdout == "a�b�cé"


def test_a_signal_leaves_no_exit_code() -> None:
    result = judge(transcript(report(signal=11)), compiles=False).result

    assert (result.exit_code, result.signal) == (None, 11)


@pytest.mark.parametrize(
    "odd",
    [
        transcript(report(), clean=False),
        transcript(report(others=1)),
        transcript(report(oom_kills=1)),
        transcript(report(Cause.TIME_LIMIT, signal=9)),
        transcript(None),
    ],
)
def test_a_container_that_saw_anything_odd_serves_no_other_program(odd: Transcript) -> None:
    assert not is_ordinary(odd)


def test_a_program_that_failed_by_itself_leaves_an_ordinary_container() -> None:
    assert is_ordinary(transcript(report(exit_code=1)))
