import pytest

from runlet.execution import Reason
from runner.sandbox.interface import SandboxUnavailableError
from runner.sandbox.protocol import Cause, MemoryReport, StepReport
from runner.sandbox.verdict import StepTranscript, Transcript, is_reusable, judge


def report(
    cause: Cause = Cause.EXITED,
    exit_code: int = 0,
    signal: int = 0,
    oom_kills: int = 0,
    others: int = 0,
) -> StepReport:
    return StepReport(cause, False, False, exit_code, signal, oom_kills, others, 1500, 900, 64)


def transcript(
    *reports: StepReport | None, scrubbed: bool = True, limit_hits: int | None = 0
) -> Transcript:
    memory = MemoryReport(limit_hits)
    steps = [StepTranscript(report=each, memory=memory) for each in reports]
    return Transcript(steps=steps, scrubbed=scrubbed)


def reason_of(seen: Transcript) -> Reason | str | None:
    """The reason, or what is the matter with the platform."""
    try:
        return judge(seen, compiles=False).reason
    except SandboxUnavailableError as fault:
        return str(fault)


HOST = "The host ran out of memory."


@pytest.mark.parametrize(
    ("seen", "limit_hits", "cancelled", "verdict"),
    [
        (report(), 0, False, None),
        (report(oom_kills=1), 1, False, None),
        (report(oom_kills=1), 0, False, None),
        (report(), 0, True, None),
        (report(Cause.OUTPUT_LIMIT, signal=9), 0, False, Reason.OUTPUT_LIMIT),
        (report(Cause.OUTPUT_LIMIT, signal=9, oom_kills=1), 1, True, Reason.OUTPUT_LIMIT),
        (report(Cause.STOPPED, signal=9), 0, True, Reason.CANCELLED),
        (report(Cause.STOPPED, signal=9, oom_kills=1), 1, True, Reason.CANCELLED),
        (
            report(Cause.STOPPED, signal=9),
            0,
            False,
            "The container was stopped in the middle of a run.",
        ),
        (report(signal=9, oom_kills=1), 1, False, Reason.MEMORY_LIMIT),
        (report(exit_code=1, oom_kills=1), 1, False, Reason.MEMORY_LIMIT),
        (report(Cause.TIME_LIMIT, signal=9, oom_kills=1), 1, False, Reason.MEMORY_LIMIT),
        (report(signal=9, oom_kills=1), 0, False, HOST),
        (report(exit_code=1, oom_kills=1), 0, False, HOST),
        (report(Cause.TIME_LIMIT, signal=9, oom_kills=1), 0, False, HOST),
        (report(Cause.TIME_LIMIT, signal=9), 0, False, Reason.TIME_LIMIT),
        (report(Cause.TIME_LIMIT, signal=9), 7, False, Reason.TIME_LIMIT),
        (report(signal=11), 0, False, Reason.SIGNAL),
        (report(signal=24), 0, False, Reason.SIGNAL),
        (report(signal=9), 0, False, Reason.SIGNAL),
        (report(exit_code=3), 0, False, Reason.NONZERO_EXIT),
        (report(exit_code=3), 7, True, Reason.NONZERO_EXIT),
    ],
)
def test_the_first_line_of_the_table_that_applies_decides_on_a_report(
    seen: StepReport, limit_hits: int, cancelled: bool, verdict: Reason | str | None
) -> None:
    run = transcript(seen, limit_hits=limit_hits)
    run.cancelled = cancelled

    assert reason_of(run) == verdict


@pytest.mark.parametrize(
    ("was_the_containers", "verdict"), [(True, Reason.MEMORY_LIMIT), (False, HOST)]
)
def test_where_the_agent_cannot_count_the_engine_says_whose_memory_it_was(
    was_the_containers: bool, verdict: Reason | str
) -> None:
    run = transcript(report(signal=9, oom_kills=1), limit_hits=None)
    run.out_of_memory = was_the_containers

    assert reason_of(run) == verdict


@pytest.mark.parametrize(
    ("what", "verdict"),
    [
        ({"container_exited": True, "out_of_memory": True}, Reason.MEMORY_LIMIT),
        ({"out_of_memory": True}, Reason.MEMORY_LIMIT),
        ({"container_exited": True}, "The container ended in the middle of a run."),
        ({"agent_timed_out": True}, "The agent of the container did not report in time."),
        ({"agent_timed_out": True, "cancelled": True}, "did not report in time"),
    ],
)
def test_without_a_report_only_what_the_kernel_counts_of_memory_is_the_programs_doing(
    what: dict[str, bool], verdict: Reason | str
) -> None:
    seen = transcript(None)
    for name, value in what.items():
        setattr(seen, name, value)

    assert str(verdict) in str(reason_of(seen))


def test_the_time_of_a_container_that_memory_ended_is_the_one_seen_from_outside() -> None:
    taken = transcript(None)
    taken.container_exited = taken.out_of_memory = True
    taken.wall_ms = 2800

    assert judge(taken, compiles=False).result.execution_time_ms == 2800


def test_a_compiler_that_the_host_killed_is_the_platforms_fault() -> None:
    with pytest.raises(SandboxUnavailableError, match="host"):
        judge(transcript(report(exit_code=1, oom_kills=1)), compiles=True)


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
        transcript(report(), scrubbed=False),
        transcript(report(others=1)),
        transcript(report(oom_kills=1)),
        transcript(report(Cause.TIME_LIMIT, signal=9)),
        transcript(None),
    ],
)
def test_a_container_that_saw_anything_odd_serves_no_other_program(odd: Transcript) -> None:
    assert not is_reusable(odd)


def test_a_program_that_failed_by_itself_leaves_an_ordinary_container() -> None:
    assert is_reusable(transcript(report(exit_code=1)))
