"""Background loops are kept alive, and one that cannot be ends its process."""

import threading
from collections.abc import Callable, Iterator

import pytest
from structlog.testing import capture_logs

from runlet_telemetry import supervision
from runlet_telemetry.supervision import MAX_FAILURES_IN_A_ROW, Loop, LoopContext, Supervisor
from support.clocks import ManualClock
from support.telemetry.metrics import value

WAIT_SECONDS = 30.0


class Reasons:
    """Why the process was to end."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.heard = threading.Event()

    def __call__(self, reason: str) -> None:
        self.told.append(reason)
        self.heard.set()


@pytest.fixture
def reasons() -> Reasons:
    return Reasons()


@pytest.fixture
def supervisor(reasons: Reasons, monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervisor]:
    monkeypatch.setattr("runlet_telemetry.supervision.Backoff.next_delay", lambda _self: 0.0)
    # The tests count the silence themselves.
    monkeypatch.setattr(supervision, "WATCH_EVERY_SECONDS", 3600.0)
    supervised = Supervisor(give_up=reasons)
    yield supervised
    supervised.stop_all()


def until_stopped(context: LoopContext) -> None:
    context.wait()


class Failing:
    """Fails so many times, then turns until it is stopped."""

    def __init__(self, failures: int, error: Exception | None = None) -> None:
        self._left = failures
        self._error = error
        self.is_well = threading.Event()

    def __call__(self, context: LoopContext) -> None:
        if self._left:
            self._left -= 1
            if self._error is not None:
                raise self._error
            return
        self.is_well.set()
        context.wait()


@pytest.mark.parametrize("error", [ValueError("a defect"), OSError("away"), None], ids=repr)
def test_a_loop_that_ends_is_started_again(
    supervisor: Supervisor, reasons: Reasons, error: Exception | None
) -> None:
    failing = Failing(3, error)
    before = value("runlet_loop_restarts_total", loop="failing") or 0

    supervisor.start(Loop("failing", failing))

    assert failing.is_well.wait(WAIT_SECONDS)
    assert value("runlet_loop_restarts_total", loop="failing") == before + 3
    assert supervisor.stalled() == []
    assert reasons.told == []


def test_what_a_loop_raises_is_logged_with_its_stack(supervisor: Supervisor) -> None:
    failing = Failing(1, ValueError("a defect"))

    with capture_logs() as lines:
        supervisor.start(Loop("failing", failing))
        assert failing.is_well.wait(WAIT_SECONDS)

    (line,) = [line for line in lines if line["event"] == "loop_failed"]
    assert line["loop"] == "failing"
    assert line["exc_info"]


def test_a_loop_that_fails_again_and_again_ends_the_process(
    supervisor: Supervisor, reasons: Reasons
) -> None:
    supervisor.start(Loop("failing", Failing(MAX_FAILURES_IN_A_ROW + 1, ValueError("a defect"))))

    assert reasons.heard.wait(WAIT_SECONDS)
    assert reasons.told == [f"The loop failing failed {MAX_FAILURES_IN_A_ROW + 1} times in a row."]


def test_a_periodic_loop_that_fails_again_and_again_is_started_for_ever(
    supervisor: Supervisor, reasons: Reasons
) -> None:
    failing = Failing(2 * MAX_FAILURES_IN_A_ROW)

    supervisor.start(Loop("periodic", failing, period_seconds=0.0))

    assert failing.is_well.wait(WAIT_SECONDS)
    assert reasons.told == []


def test_a_periodic_loop_that_fails_has_its_next_turn_in_its_period(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float | None] = []

    def wait(context: LoopContext, seconds: float | None = None) -> bool:
        waits.append(seconds)
        context.set()
        return True

    monkeypatch.setattr(LoopContext, "wait", wait)
    with capture_logs() as lines:
        supervisor.start(Loop("hourly", Failing(1, ValueError("a defect")), period_seconds=7200.0))
        assert supervisor.stop("hourly", timeout=WAIT_SECONDS)

    assert 7200.0 in waits
    assert [line["loop"] for line in lines if line["event"] == "loop_failed"] == ["hourly"]


def hanging(release: threading.Event) -> Callable[[LoopContext], None]:
    def run(context: LoopContext) -> None:
        release.wait(WAIT_SECONDS)
        until_stopped(context)

    return run


def test_a_loop_that_hangs_is_named_and_then_ends_the_process(
    supervisor: Supervisor, reasons: Reasons
) -> None:
    release = threading.Event()
    supervisor.start(Loop("hanging", hanging(release), max_silence_seconds=10))

    supervisor.note_passing(9)
    assert supervisor.stalled() == []
    assert value("runlet_loop_stalled", loop="hanging") == 0
    supervisor.note_passing(9)
    assert supervisor.stalled() == ["hanging"]
    assert value("runlet_loop_stalled", loop="hanging") == 1
    assert reasons.told == []
    supervisor.note_passing(9)
    assert reasons.told == ["The loop hanging has hung for 27 s."]
    release.set()


def test_a_periodic_loop_that_hangs_is_named_and_ends_nothing(
    supervisor: Supervisor, reasons: Reasons
) -> None:
    release = threading.Event()
    loop = Loop("hanging", hanging(release), max_silence_seconds=10, period_seconds=5.0)
    supervisor.start(loop)

    supervisor.note_passing(50)

    assert supervisor.stalled() == ["hanging"]
    assert reasons.told == []
    release.set()


def test_a_loop_that_waits_turns(supervisor: Supervisor) -> None:
    context = LoopContext(max_silence_seconds=0.01)
    context.silence_seconds = 5.0

    assert not context.wait(0.005)

    assert context.silence_seconds == 0.0


def test_stopping_wakes_a_loop_that_waits_for_something_else(supervisor: Supervisor) -> None:
    work = threading.Event()

    def run(context: LoopContext) -> None:
        while not context.is_set():
            work.wait()

    supervisor.start(Loop("worker", run, wake=work.set))

    assert supervisor.stop("worker", timeout=WAIT_SECONDS)
    assert not supervisor.is_running("worker")


def test_a_loop_that_does_not_stop_is_not_waited_for_without_end(supervisor: Supervisor) -> None:
    release = threading.Event()
    supervisor.start(Loop("hanging", hanging(release)))

    assert not supervisor.stop("hanging", timeout=0.01)

    release.set()
    assert supervisor.stop("hanging", timeout=WAIT_SECONDS)


def test_groups_of_loops_stop_in_order_within_one_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, stopped = ManualClock(), []

    def stop(_supervisor: Supervisor, *names: str, timeout: float = 10.0) -> bool:
        stopped.append((names, timeout))
        clock.move(15.0)
        return True

    monkeypatch.setattr(Supervisor, "stop", stop)

    assert Supervisor(clock=clock).stop_in_order(("a", "b"), ("c",), ("d",), timeout=25.0)

    assert stopped == [(("a", "b"), 25.0), (("c",), 10.0), (("d",), 0.0), ((), 0.0)]


def test_a_loop_that_has_ended_as_it_was_asked_to_is_well(
    supervisor: Supervisor, reasons: Reasons
) -> None:
    supervisor.start(Loop("ended", until_stopped, max_silence_seconds=10))
    thread = next(each for each in threading.enumerate() if each.name == "ended")
    supervisor.ask_to_stop("ended")
    thread.join(WAIT_SECONDS)

    supervisor.note_passing(30)

    assert supervisor.stalled() == []
    assert reasons.told == []


def test_two_loops_of_one_name_are_a_mistake(supervisor: Supervisor) -> None:
    supervisor.start(Loop("twice", until_stopped))

    with pytest.raises(ValueError, match="twice"):
        supervisor.start(Loop("twice", until_stopped))
