"""Where a stop may meet a job, played through moment by moment."""

import threading
from collections.abc import Callable, Iterator

import pytest

from runlet.execution import Reason
from runner.sandbox.cancellation_token import StopRequest
from runner.sandbox.job import Job
from runner.sandbox.protocol import Cause, Step, encode_job
from runner.sandbox.verdict import is_ordinary, judge
from support.sandboxes.agents import PlayedAgent
from support.sandboxes.sandboxes import ignored, unheard
from support.wait_until import eventually

STEP = Step(("/bin/true",), 20_000, 4096)
COMPILE_AND_RUN = [STEP, STEP]


@pytest.fixture
def agent() -> Iterator[PlayedAgent]:
    agent = PlayedAgent()
    yield agent
    agent.close()


@pytest.fixture
def stop() -> StopRequest:
    return StopRequest()


def run(
    job: Job,
    steps: list[Step],
    on_start: Callable[[], None] = ignored,
    on_lasting: Callable[[], None] = ignored,
) -> None:
    job.run(encode_job(20_000, True, [], b"", [], steps), steps, on_start, on_lasting)


def kinds(agent: PlayedAgent) -> list[bytes]:
    return [kind for kind, _content in agent.heard()]


def test_a_stop_reaches_the_step_that_runs_and_its_output_is_kept(
    agent: PlayedAgent, stop: StopRequest
) -> None:
    job, started = Job(agent.container, lambda: True, unheard, stop), threading.Event()
    runs = threading.Thread(target=run, args=(job, [STEP], started.set))
    runs.start()
    assert started.wait(60)
    agent.print(b"so far")

    stop.ask()
    heard = kinds(agent)
    agent.report(Cause.STOPPED, signal=9)
    agent.done()
    runs.join()

    outcome = judge(job.transcript, compiles=False)
    assert heard == [b"J", b"K"]
    assert (outcome.reason, outcome.result.stdout) == (Reason.CANCELLED, "so far")
    assert not is_ordinary(job.transcript)


def test_a_stop_that_came_before_the_start_is_sent_after_the_job(
    agent: PlayedAgent, stop: StopRequest
) -> None:
    stop.ask()
    agent.report(Cause.STOPPED, signal=9)
    agent.done()

    job = Job(agent.container, lambda: True, unheard, stop)
    run(job, [STEP])

    assert kinds(agent) == [b"J", b"K"]
    assert judge(job.transcript, compiles=False).reason is Reason.CANCELLED


def test_a_stop_between_two_steps_is_never_followed_by_the_word_to_go_on(
    agent: PlayedAgent, stop: StopRequest
) -> None:
    def ask_and_agree() -> bool:
        stop.ask()
        return True

    agent.report(Cause.EXITED)
    agent.done()

    job = Job(agent.container, ask_and_agree, unheard, stop)
    run(job, COMPILE_AND_RUN)

    outcome = judge(job.transcript, compiles=True)
    assert kinds(agent) == [b"J", b"K"]
    assert outcome.reason is Reason.CANCELLED
    assert outcome.result.compile is not None
    assert outcome.result.compile.exit_code == 0
    assert not is_ordinary(job.transcript)


def test_a_stop_of_the_second_step_follows_the_word_to_go_on(
    agent: PlayedAgent, stop: StopRequest
) -> None:
    job = Job(agent.container, lambda: True, unheard, stop)
    runs = threading.Thread(target=run, args=(job, COMPILE_AND_RUN))
    agent.report(Cause.EXITED)
    runs.start()
    heard: list[bytes] = []

    def went_on() -> bool:
        heard.extend(kinds(agent))
        return b"C" in heard

    eventually(went_on)
    stop.ask()
    agent.report(Cause.STOPPED, signal=9)
    agent.done()
    runs.join()

    assert heard + kinds(agent) == [b"J", b"C", b"K"]
    assert judge(job.transcript, compiles=True).reason is Reason.CANCELLED


def test_a_stop_after_the_end_does_not_reach_the_container_that_serves_on(
    agent: PlayedAgent, stop: StopRequest
) -> None:
    agent.report(Cause.EXITED)
    agent.done()
    job = Job(agent.container, lambda: True, unheard, stop)
    run(job, [STEP])

    stop.ask()

    assert kinds(agent) == [b"J"]
    assert judge(job.transcript, compiles=False).reason is None
    assert is_ordinary(job.transcript)


def test_a_stop_that_cannot_be_sent_disturbs_nobody(agent: PlayedAgent, stop: StopRequest) -> None:
    job = Job(agent.container, lambda: True, unheard, stop)

    def hang_up_and_ask() -> None:
        agent.close()
        stop.ask()

    with pytest.raises(Exception, match="went away"):
        run(job, [STEP], hang_up_and_ask)


def test_asking_while_nothing_can_be_stopped_is_remembered(stop: StopRequest) -> None:
    sent: list[str] = []
    with stop.reaching(lambda: sent.append("first")):
        pass
    stop.ask()

    with stop.reaching(lambda: sent.append("second")):
        pass

    assert sent == ["second"]


def test_asking_again_tells_the_run_again(stop: StopRequest) -> None:
    sent: list[str] = []

    with stop.reaching(lambda: sent.append("stop")):
        stop.ask()
        stop.ask()

    assert sent == ["stop", "stop"]


def test_a_run_that_lasts_is_told_of_while_it_does(agent: PlayedAgent, stop: StopRequest) -> None:
    job, lasts = Job(agent.container, lambda: True, unheard, stop), threading.Event()
    runs = threading.Thread(target=run, args=(job, [STEP], ignored, lasts.set))
    runs.start()

    told_meanwhile = lasts.wait(60)
    agent.report(Cause.EXITED)
    agent.done()
    runs.join()

    assert told_meanwhile


def test_a_short_run_is_not_told_of_before_its_end(agent: PlayedAgent, stop: StopRequest) -> None:
    lasts = threading.Event()
    agent.report(Cause.EXITED)
    agent.done()

    run(Job(agent.container, lambda: True, unheard, stop), [STEP], ignored, lasts.set)

    assert not lasts.is_set()


@pytest.mark.parametrize(("slow_seconds", "used_again"), [(60.0, True), (0.0, False)])
def test_a_container_whose_scrub_took_long_is_not_used_again(
    agent: PlayedAgent,
    stop: StopRequest,
    monkeypatch: pytest.MonkeyPatch,
    slow_seconds: float,
    used_again: bool,
) -> None:
    monkeypatch.setattr("runner.sandbox.job.SLOW_SCRUB_SECONDS", slow_seconds)
    agent.report(Cause.EXITED)
    agent.done()

    job = Job(agent.container, lambda: True, unheard, stop)
    run(job, [STEP])

    assert is_ordinary(job.transcript) == used_again
