from datetime import UTC, datetime, timedelta
from uuid import uuid4

from runlet.limits import Limits
from runlet.messages import CancelRequested, ExecutionStarted, RunRequested
from runner.consume.cancellations import Cancellations

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def request() -> RunRequested:
    return RunRequested(uuid4(), uuid4(), "python", "", Limits(1000, 64, 4096), queued_at=NOW)


def test_a_run_is_asked_to_stop_while_it_is_watched() -> None:
    cancellations, execution = Cancellations(), request()

    with cancellations.watch(execution) as token:
        assert not token.is_cancelled
        cancellations.handle(CancelRequested(execution.execution_id, NOW))

        assert token.is_cancelled


def test_a_run_that_was_cancelled_before_it_came_is_asked_at_once() -> None:
    cancellations, execution = Cancellations(), request()
    cancellations.cancel(execution.execution_id, NOW)

    with cancellations.watch(execution) as token:
        assert token.is_cancelled


def test_only_the_run_that_was_named_is_asked() -> None:
    cancellations = Cancellations()

    with cancellations.watch(request()) as token:
        cancellations.cancel(uuid4(), NOW)

        assert not token.is_cancelled


def test_a_request_that_runs_twice_is_stopped_twice() -> None:
    cancellations, execution = Cancellations(), request()

    with cancellations.watch(execution) as first, cancellations.watch(execution) as second:
        cancellations.cancel(execution.execution_id, NOW)

        assert first.is_cancelled
        assert second.is_cancelled


def test_a_run_that_is_over_is_left_alone() -> None:
    cancellations, execution = Cancellations(), request()
    with cancellations.watch(execution) as token:
        pass

    cancellations.cancel(execution.execution_id, NOW)

    assert not token.is_cancelled


def test_the_oldest_cancellations_are_forgotten_first() -> None:
    cancellations, executions = Cancellations(remembered=2), [request() for _ in range(3)]
    for execution in executions:
        cancellations.cancel(execution.execution_id, NOW)

    remembered = []
    for execution in executions:
        with cancellations.watch(execution) as token:
            remembered.append(token.is_cancelled)

    assert remembered == [False, True, True]


def test_a_cancellation_that_is_told_again_is_as_good_as_new() -> None:
    cancellations, first, second, third = (
        Cancellations(remembered=2),
        request(),
        request(),
        request(),
    )
    for execution in (first, second, first, third):
        cancellations.cancel(execution.execution_id, NOW)

    with cancellations.watch(first) as token:
        assert token.is_cancelled


def test_other_messages_cancel_nothing() -> None:
    cancellations, execution = Cancellations(), request()

    with cancellations.watch(execution) as token:
        cancellations.handle(ExecutionStarted(execution.execution_id, uuid4(), 1, NOW, "runner"))

        assert not token.is_cancelled


def test_a_request_that_was_queued_again_after_it_was_cancelled_runs() -> None:
    cancellations, execution = Cancellations(), request()
    cancellations.cancel(execution.execution_id, NOW - timedelta(milliseconds=1))

    with cancellations.watch(execution) as token:
        assert not token.is_cancelled
