"""One job on a container, played through moment by moment."""

import dataclasses
import threading
from collections.abc import Callable, Iterator

import pytest

from runlet.execution import Reason
from runner.sandbox.cancellation_token import CancellationToken
from runner.sandbox.interface import Placement, SandboxUnavailableError
from runner.sandbox.job import Job
from runner.sandbox.protocol import Cause, MemoryReport, Step, encode_job
from runner.sandbox.verdict import StepTranscript, is_reusable, judge
from support.clocks import ManualClock
from support.sandboxes.agents import PlayedAgent
from support.sandboxes.observers import Observer, ignore_start
from support.wait_until import eventually

STEP = Step(("/bin/true",), 20_000, 4096)
COMPILE_AND_RUN = [STEP, STEP]
PLACEMENT = Placement(ManualClock().now(), "played", "runlet/runtime-python")


@pytest.fixture
def agent() -> Iterator[PlayedAgent]:
    agent = PlayedAgent()
    yield agent
    agent.close()


@pytest.fixture
def token() -> CancellationToken:
    return CancellationToken()


def job_of(
    agent: PlayedAgent,
    token: CancellationToken,
    make_room: Callable[[StepTranscript], bool] = lambda _compiled: True,
    on_running: Callable[[Placement], None] = ignore_start,
) -> Job:
    return Job(agent.container, PLACEMENT, make_room, Observer(on_running=on_running), token)


def run(job: Job, steps: list[Step]) -> None:
    job.run(encode_job(20_000, True, [], b"", [], steps), steps)


def kinds(agent: PlayedAgent) -> list[bytes]:
    return [kind for kind, _content in agent.heard()]


def test_a_stop_reaches_the_step_that_runs_and_its_output_is_kept(
    agent: PlayedAgent, token: CancellationToken
) -> None:
    started = threading.Event()
    job = job_of(agent, token, on_running=lambda _placement: started.set())
    runs = threading.Thread(target=run, args=(job, [STEP]))
    runs.start()
    assert started.wait(60)
    agent.print(b"so far")

    token.cancel()
    heard = kinds(agent)
    agent.report(Cause.STOPPED, signal=9)
    agent.done()
    runs.join()

    outcome = judge(job.transcript, compiles=False)
    assert heard == [b"J", b"K"]
    assert (outcome.reason, outcome.result.stdout) == (Reason.CANCELLED, "so far")
    assert not is_reusable(job.transcript)


def test_a_stop_that_came_before_the_start_is_sent_after_the_job(
    agent: PlayedAgent, token: CancellationToken
) -> None:
    token.cancel()
    agent.report(Cause.STOPPED, signal=9)
    agent.done()

    job = job_of(agent, token)
    run(job, [STEP])

    assert kinds(agent) == [b"J", b"K"]
    assert judge(job.transcript, compiles=False).reason is Reason.CANCELLED


def test_a_stop_between_two_steps_is_never_followed_by_the_word_to_go_on(
    agent: PlayedAgent, token: CancellationToken
) -> None:
    def cancel_and_agree(_compiled: StepTranscript) -> bool:
        token.cancel()
        return True

    agent.report(Cause.EXITED)
    agent.done()

    job = job_of(agent, token, cancel_and_agree)
    run(job, COMPILE_AND_RUN)

    outcome = judge(job.transcript, compiles=True)
    assert kinds(agent) == [b"J", b"K"]
    assert outcome.reason is Reason.CANCELLED
    assert outcome.result.compile is not None
    assert outcome.result.compile.exit_code == 0
    assert not is_reusable(job.transcript)


def test_a_stop_of_the_second_step_follows_the_word_to_go_on(
    agent: PlayedAgent, token: CancellationToken
) -> None:
    job = job_of(agent, token)
    runs = threading.Thread(target=run, args=(job, COMPILE_AND_RUN))
    agent.report(Cause.EXITED)
    runs.start()
    heard: list[bytes] = []

    def went_on() -> bool:
        heard.extend(kinds(agent))
        return b"C" in heard

    eventually(went_on)
    token.cancel()
    agent.report(Cause.STOPPED, signal=9)
    agent.done()
    runs.join()

    assert heard + kinds(agent) == [b"J", b"C", b"K"]
    assert judge(job.transcript, compiles=True).reason is Reason.CANCELLED


def test_a_stop_after_the_end_does_not_reach_the_container_that_serves_on(
    agent: PlayedAgent, token: CancellationToken
) -> None:
    agent.report(Cause.EXITED)
    agent.done()
    job = job_of(agent, token)
    run(job, [STEP])

    token.cancel()

    assert kinds(agent) == [b"J"]
    assert judge(job.transcript, compiles=False).reason is None
    assert is_reusable(job.transcript)


def test_a_stop_that_cannot_be_sent_disturbs_nothing_else(
    agent: PlayedAgent, token: CancellationToken
) -> None:
    def hang_up_and_cancel(_placement: Placement) -> None:
        agent.close()
        token.cancel()

    with pytest.raises(SandboxUnavailableError, match="went away"):
        run(job_of(agent, token, on_running=hang_up_and_cancel), [STEP])


def test_cancelling_while_nothing_can_be_stopped_is_remembered(token: CancellationToken) -> None:
    sent: list[str] = []
    with token.bound_to(lambda: sent.append("first")):
        pass
    token.cancel()

    with token.bound_to(lambda: sent.append("second")):
        pass

    assert sent == ["second"]


def test_cancelling_again_stops_the_run_again(token: CancellationToken) -> None:
    sent: list[str] = []

    with token.bound_to(lambda: sent.append("stop")):
        token.cancel()
        token.cancel()

    assert sent == ["stop", "stop"]


def test_a_run_that_lasts_is_published_while_it_does(
    agent: PlayedAgent, token: CancellationToken
) -> None:
    placements: list[Placement] = []
    lasts = threading.Event()

    def note(placement: Placement) -> None:
        placements.append(placement)
        lasts.set()

    job = job_of(agent, token, on_running=note)
    runs = threading.Thread(target=run, args=(job, [STEP]))
    runs.start()

    published_meanwhile = lasts.wait(10)
    agent.report(Cause.EXITED)
    agent.done()
    runs.join()

    assert published_meanwhile
    assert placements == [PLACEMENT]


def test_a_short_run_is_not_published_before_its_end(
    agent: PlayedAgent, token: CancellationToken
) -> None:
    placements: list[Placement] = []
    agent.report(Cause.EXITED)
    agent.done()

    run(job_of(agent, token, on_running=placements.append), [STEP])

    assert placements == []


def test_an_agent_that_does_not_report_in_time_is_noted_and_blamed_on_the_platform(
    agent: PlayedAgent, token: CancellationToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.sandbox.job.GRACE_SECONDS", 0)
    job = job_of(agent, token)
    agent.print(b"so far")

    run(job, [dataclasses.replace(STEP, time_limit_ms=1)])

    assert job.transcript.agent_timed_out
    with pytest.raises(SandboxUnavailableError, match="did not report in time"):
        judge(job.transcript, compiles=False)


def test_a_report_that_arrived_while_the_runner_was_frozen_counts(
    agent: PlayedAgent, token: CancellationToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.sandbox.job.GRACE_SECONDS", -3600)
    job = job_of(agent, token)
    agent.print(b"42\n")
    agent.report(Cause.EXITED)
    agent.done()

    run(job, [STEP])

    outcome = judge(job.transcript, compiles=False)
    assert (outcome.reason, outcome.result.stdout) == (None, "42\n")


def test_a_report_behind_more_output_than_the_sockets_held_meanwhile_counts(
    agent: PlayedAgent, token: CancellationToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.sandbox.job.GRACE_SECONDS", -3600)
    monkeypatch.setattr("runner.sandbox.job.LATE_SECONDS", 60)
    output = b"x" * (4 << 20)

    def print_and_report() -> None:
        agent.print(output)
        agent.report(Cause.EXITED)
        agent.done()

    job = job_of(agent, token)
    printing = threading.Thread(target=print_and_report, daemon=True)
    printing.start()
    run(job, [STEP])

    assert not job.transcript.agent_timed_out
    printing.join()
    assert job.transcript.steps[0].stdout == output


def test_what_the_agent_counts_of_memory_belongs_to_the_step_it_follows(
    agent: PlayedAgent, token: CancellationToken
) -> None:
    agent.report_memory(limit_hits=0, used_bytes=4096)
    agent.report(Cause.EXITED)
    agent.report_memory(limit_hits=2)
    agent.report(Cause.EXITED, signal=9, oom_kills=1)
    agent.done()
    job = job_of(agent, token)

    run(job, COMPILE_AND_RUN)

    assert [step.memory for step in job.transcript.steps] == [
        MemoryReport(0, 4096),
        MemoryReport(2, 0),
    ]
    assert judge(job.transcript, compiles=True).reason is Reason.MEMORY_LIMIT


@pytest.mark.parametrize(("slow_seconds", "used_again"), [(60.0, True), (0.0, False)])
def test_a_container_whose_scrub_took_long_is_not_used_again(
    agent: PlayedAgent,
    token: CancellationToken,
    monkeypatch: pytest.MonkeyPatch,
    slow_seconds: float,
    used_again: bool,
) -> None:
    monkeypatch.setattr("runner.sandbox.job.SLOW_SCRUB_SECONDS", slow_seconds)
    agent.report(Cause.EXITED)
    agent.done()

    job = job_of(agent, token)
    run(job, [STEP])

    assert is_reusable(job.transcript) == used_again
