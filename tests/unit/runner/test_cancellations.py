from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from runlet.limits import Limits
from runlet.messages import CancelRequested, ExecutionStarted, RunRequested, decode
from runner.consume.cancellations import Cancellations

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def request() -> RunRequested:
    return RunRequested(uuid4(), uuid4(), "python", "", Limits(1000, 64, 4096), queued_at=NOW)


def cancel(execution: RunRequested) -> CancelRequested:
    """A cancellation of what is known of it."""
    return CancelRequested(execution.execution_id, NOW, execution.attempt)


def test_a_run_is_asked_to_stop_while_it_is_watched() -> None:
    cancellations, execution = Cancellations(), request()

    with cancellations.watch(execution) as token:
        assert not token.is_cancelled
        cancellations.handle(cancel(execution))

        assert token.is_cancelled


def test_a_run_that_was_cancelled_before_it_came_is_asked_at_once() -> None:
    cancellations, execution = Cancellations(), request()
    cancellations.cancel(cancel(execution))

    with cancellations.watch(execution) as token:
        assert token.is_cancelled


def test_only_the_run_that_was_named_is_asked() -> None:
    cancellations = Cancellations()

    with cancellations.watch(request()) as token:
        cancellations.cancel(CancelRequested(uuid4(), NOW, 1))

        assert not token.is_cancelled


def test_a_request_that_runs_twice_is_stopped_twice() -> None:
    cancellations, execution = Cancellations(), request()

    with cancellations.watch(execution) as first, cancellations.watch(execution) as second:
        cancellations.cancel(cancel(execution))

        assert first.is_cancelled
        assert second.is_cancelled


def test_a_run_that_is_over_is_left_alone() -> None:
    cancellations, execution = Cancellations(), request()
    with cancellations.watch(execution) as token:
        pass

    cancellations.cancel(cancel(execution))

    assert not token.is_cancelled


def test_the_oldest_cancellations_are_forgotten_first() -> None:
    cancellations, executions = Cancellations(remembered=2), [request() for _ in range(3)]
    for execution in executions:
        cancellations.cancel(cancel(execution))

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
        cancellations.cancel(cancel(execution))

    with cancellations.watch(first) as token:
        assert token.is_cancelled


def test_other_messages_cancel_nothing() -> None:
    cancellations, execution = Cancellations(), request()

    with cancellations.watch(execution) as token:
        cancellations.handle(ExecutionStarted(execution.execution_id, uuid4(), 1, NOW, "runner"))

        assert not token.is_cancelled


def test_a_cancellation_counts_though_its_clock_is_behind() -> None:
    cancellations, execution = Cancellations(), request()
    cancellations.cancel(CancelRequested(execution.execution_id, NOW - timedelta(hours=1), 1))

    with cancellations.watch(execution) as token:
        assert token.is_cancelled


def test_a_retry_of_a_request_that_was_cancelled_is_cancelled() -> None:
    cancellations, execution = Cancellations(), request()
    cancellations.cancel(cancel(execution))

    with cancellations.watch(replace(execution, attempt=2)) as token:
        assert token.is_cancelled


def test_a_request_that_was_queued_again_after_it_was_cancelled_runs() -> None:
    cancellations, execution = Cancellations(), request()
    again = replace(execution, attempt=2, first_attempt=2)
    cancellations.cancel(cancel(execution))

    with cancellations.watch(again) as token:
        cancellations.cancel(cancel(execution))

        assert not token.is_cancelled


def test_a_cancellation_of_the_version_before_means_any_attempt() -> None:
    cancellations, execution = Cancellations(), request()
    body = f'{{"execution_id": "{execution.execution_id}", "at": "2030-01-01T00:00:00Z"}}'
    cancellations.handle(decode("cancel.requested.v1", body.encode()))

    with cancellations.watch(replace(execution, attempt=3, first_attempt=3)) as token:
        assert token.is_cancelled
