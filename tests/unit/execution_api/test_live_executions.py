import dataclasses

import pytest

from execution_api.executions.waiters import Bell
from execution_api.streaming.output_buffer import Bounds, LiveOutput, Progress
from runlet.execution import Status
from support.clocks import ManualClock
from support.databases.event_factory import printed, retrying, started
from support.databases.executions import run_requested

REQUEST = run_requested()
X = REQUEST.execution_id


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def live(clock: ManualClock) -> LiveOutput:
    return LiveOutput(clock, Bounds(stream_bytes=10_000, total_bytes=20_000, silent_seconds=60))


def stdout(live: LiveOutput, attempt: int = 1) -> str:
    return live.read(X, attempt, "stdout", 0, 1000)


def test_output_is_remembered_though_nobody_reads(live: LiveOutput) -> None:
    live.hear(printed(REQUEST, "4"))
    live.hear(printed(REQUEST, "2", 1))
    live.hear(printed(REQUEST, "!", stream="stderr"))
    assert stdout(live) == "42"
    assert live.read(X, 1, "stderr", 0, 1000) == "!"


def test_output_says_that_an_execution_runs(live: LiveOutput) -> None:
    live.hear(printed(REQUEST, "4", attempt=2))
    assert live.progress(X) == Progress(2, is_queued=False)
    assert live.progress(X).status is Status.RUNNING


def test_another_attempt_begins_anew(live: LiveOutput) -> None:
    live.hear(printed(REQUEST, "first"))
    live.hear(printed(REQUEST, "second", attempt=2))
    assert (stdout(live, 1), stdout(live, 2)) == ("", "second")


def test_what_an_earlier_attempt_says_late_is_not_mixed_in(live: LiveOutput) -> None:
    live.hear(printed(REQUEST, "second", attempt=2))
    live.hear(printed(REQUEST, "and the first says", 6, attempt=1))
    assert stdout(live, 2) == "second"


def test_the_start_of_another_attempt_drops_what_the_one_before_printed(live: LiveOutput) -> None:
    with live.follow(X, Bell()):
        live.hear(printed(REQUEST, "first"))
        live.hear(retrying(REQUEST))
        assert live.progress(X) == Progress(1, is_queued=True)
        live.hear(started(REQUEST, attempt=2))
        assert (live.progress(X), live.size) == (Progress(2, is_queued=False), 0)


def test_every_piece_of_news_rings_for_who_follows_the_execution(live: LiveOutput) -> None:
    other = run_requested()
    with live.follow(X, Bell()) as ear, live.follow(other.execution_id, Bell()):
        for news in (started(REQUEST), printed(REQUEST, "4"), retrying(REQUEST)):
            bell = Bell()
            with live.follow(X, bell):
                live.hear(news)
                assert bell.has_rung
        assert ear.progress() == Progress(1, is_queued=True)


def test_nobody_is_woken_for_another_execution(live: LiveOutput) -> None:
    bell = Bell()
    with live.follow(X, bell):
        live.hear(printed(run_requested(), "4"))
    assert not bell.has_rung


def test_a_start_is_not_remembered_for_nobody(live: LiveOutput) -> None:
    live.hear(started(REQUEST))
    assert live.progress(X) == Progress(0, is_queued=False)


def test_the_end_drops_the_output(live: LiveOutput) -> None:
    live.hear(printed(REQUEST, "42"))
    live.forget(X)
    live.forget(X)
    assert (stdout(live), live.size) == ("", 0)


def test_an_execution_that_is_silent_for_long_is_forgotten(
    live: LiveOutput, clock: ManualClock
) -> None:
    live.hear(printed(REQUEST, "42"))
    clock.move(61)
    live.hear(printed(run_requested(), "news"))
    assert stdout(live) == ""


def test_one_that_somebody_follows_is_not_lost_for_its_silence(
    live: LiveOutput, clock: ManualClock
) -> None:
    bell = Bell()
    with live.follow(X, bell):
        for _ in range(3):
            clock.move(61)
            live.hear(printed(run_requested(), "news"))
        live.hear(printed(REQUEST, "42"))
        assert bell.has_rung
        assert stdout(live) == "42"


def test_many_executions_take_bounded_memory_and_the_oldest_go_first(live: LiveOutput) -> None:
    requests = [run_requested() for _ in range(100)]
    for request in requests:
        live.hear(printed(request, "x" * 1000))
        assert live.size <= 20_000
    ids = [request.execution_id for request in requests]
    kept = [bool(live.read(execution_id, 1, "stdout", 0, 10)) for execution_id in ids]
    assert kept == sorted(kept)
    assert 10 < sum(kept) < 20


def test_a_flood_of_one_execution_takes_bounded_memory(live: LiveOutput) -> None:
    for index in range(100):
        live.hear(printed(REQUEST, "x" * 1000, 1000 * index))
        live.hear(printed(REQUEST, "x" * 1000, 1000 * index, stream="stderr"))
    assert live.size <= 20_000
    assert live.read(X, 1, "stdout", 99_000, 10) == "x" * 10


def test_when_the_last_reader_leaves_nothing_is_left_of_a_silent_execution() -> None:
    live = LiveOutput(ManualClock(), dataclasses.replace(Bounds(), total_bytes=0))
    with live.follow(X, Bell()):
        live.hear(printed(REQUEST, "42"))
        live.hear(started(REQUEST))
    assert live.progress(X) == Progress(0, is_queued=False)
