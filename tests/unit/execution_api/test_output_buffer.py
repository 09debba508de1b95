import dataclasses

import pytest

from execution_api.executions.waiters import Waiter
from execution_api.streaming.output_buffer import Bounds, OutputBuffer, Progress
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
def output(clock: ManualClock) -> OutputBuffer:
    return OutputBuffer(clock, Bounds(stream_bytes=10_000, total_bytes=20_000, idle_seconds=60))


def stdout(output: OutputBuffer, attempt: int = 1) -> str:
    return output.read(X, attempt, "stdout", 0, 1000)


def test_output_is_remembered_though_nobody_reads(output: OutputBuffer) -> None:
    output.receive(printed(REQUEST, "4"))
    output.receive(printed(REQUEST, "2", 1))
    output.receive(printed(REQUEST, "!", stream="stderr"))
    assert stdout(output) == "42"
    assert output.read(X, 1, "stderr", 0, 1000) == "!"


def test_output_says_that_an_execution_runs(output: OutputBuffer) -> None:
    output.receive(printed(REQUEST, "4", attempt=2))
    assert output.progress(X) == Progress(2, is_queued=False)
    assert output.progress(X).status is Status.RUNNING


def test_another_attempt_begins_anew(output: OutputBuffer) -> None:
    output.receive(printed(REQUEST, "first"))
    output.receive(printed(REQUEST, "second", attempt=2))
    assert (stdout(output, 1), stdout(output, 2)) == ("", "second")


def test_what_an_earlier_attempt_says_late_is_not_mixed_in(output: OutputBuffer) -> None:
    output.receive(printed(REQUEST, "second", attempt=2))
    output.receive(printed(REQUEST, "and the first says", 6, attempt=1))
    assert stdout(output, 2) == "second"


def test_the_start_of_another_attempt_drops_what_the_one_before_printed(
    output: OutputBuffer,
) -> None:
    with output.subscribe(X, Waiter()):
        output.receive(printed(REQUEST, "first"))
        output.receive(retrying(REQUEST))
        assert output.progress(X) == Progress(1, is_queued=True)
        output.receive(started(REQUEST, attempt=2))
        assert (output.progress(X), output.size) == (Progress(2, is_queued=False), 0)


def test_every_piece_of_news_rings_for_who_follows_the_execution(output: OutputBuffer) -> None:
    other = run_requested()
    with (
        output.subscribe(X, Waiter()) as subscription,
        output.subscribe(other.execution_id, Waiter()),
    ):
        for news in (started(REQUEST), printed(REQUEST, "4"), retrying(REQUEST)):
            waiter = Waiter()
            with output.subscribe(X, waiter):
                output.receive(news)
                assert waiter.is_notified
        assert subscription.progress() == Progress(1, is_queued=True)


def test_nobody_is_woken_for_another_execution(output: OutputBuffer) -> None:
    waiter = Waiter()
    with output.subscribe(X, waiter):
        output.receive(printed(run_requested(), "4"))
    assert not waiter.is_notified


def test_a_start_is_not_remembered_for_nobody(output: OutputBuffer) -> None:
    output.receive(started(REQUEST))
    assert output.progress(X) == Progress(0, is_queued=False)


def test_the_end_drops_the_output(output: OutputBuffer) -> None:
    output.receive(printed(REQUEST, "42"))
    output.discard(X)
    output.discard(X)
    assert (stdout(output), output.size) == ("", 0)


def test_an_execution_that_is_silent_for_long_is_forgotten(
    output: OutputBuffer, clock: ManualClock
) -> None:
    output.receive(printed(REQUEST, "42"))
    clock.move(61)
    output.receive(printed(run_requested(), "news"))
    assert stdout(output) == ""


def test_one_that_somebody_follows_is_not_lost_for_its_silence(
    output: OutputBuffer, clock: ManualClock
) -> None:
    waiter = Waiter()
    with output.subscribe(X, waiter):
        for _ in range(3):
            clock.move(61)
            output.receive(printed(run_requested(), "news"))
        output.receive(printed(REQUEST, "42"))
        assert waiter.is_notified
        assert stdout(output) == "42"


def test_many_executions_take_bounded_memory_and_the_oldest_go_first(output: OutputBuffer) -> None:
    requests = [run_requested() for _ in range(100)]
    for request in requests:
        output.receive(printed(request, "x" * 1000))
        assert output.size <= 20_000
    ids = [request.execution_id for request in requests]
    kept = [bool(output.read(execution_id, 1, "stdout", 0, 10)) for execution_id in ids]
    assert kept == sorted(kept)
    assert 10 < sum(kept) < 20


def test_a_flood_of_one_execution_takes_bounded_memory(output: OutputBuffer) -> None:
    for index in range(100):
        output.receive(printed(REQUEST, "x" * 1000, 1000 * index))
        output.receive(printed(REQUEST, "x" * 1000, 1000 * index, stream="stderr"))
    assert output.size <= 20_000
    assert output.read(X, 1, "stdout", 99_000, 10) == "x" * 10


def test_when_the_last_reader_leaves_nothing_is_left_of_a_silent_execution() -> None:
    output = OutputBuffer(ManualClock(), dataclasses.replace(Bounds(), total_bytes=0))
    with output.subscribe(X, Waiter()):
        output.receive(printed(REQUEST, "42"))
        output.receive(started(REQUEST))
    assert output.progress(X) == Progress(0, is_queued=False)
