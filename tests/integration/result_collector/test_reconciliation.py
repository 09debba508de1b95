"""Which executions are taken for stuck, and what becomes of them."""

import dataclasses
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from execution_api.executions.cancel_repository import CancellationRepository
from result_collector.reconciliation.repository import Outcome, Reconciled, Reconciliation
from runlet.execution import Reason
from runlet.messages import RunRequested
from runlet_postgres.execution_rows import COLUMN_NAMES
from support.databases import stuck_executions
from support.databases.event_factory import finished, retrying, started
from support.databases.executions import TRACEPARENT, ExecutionsDatabase, run_requested
from support.databases.stores import store
from support.parallel import at_once

AFTER = 60
# The time limit of the requests here, and what a run may take beside it.
LONGEST_RUN = 5 + 30 + AFTER
IDLE = ("python",)


def reconciliation(database: ExecutionsDatabase) -> Reconciliation:
    """What a collector does, with the default settings."""
    engine = database.engine.execution_options(isolation_level="READ COMMITTED")
    return Reconciliation(engine, timedelta(seconds=AFTER), ("python", "java"))


def settle(
    database: ExecutionsDatabase,
    idle: Collection[str] = IDLE,
    overtaken: Collection[UUID] = (),
) -> list[Reconciled]:
    """Settle one batch while no work waits for `idle` languages."""
    return reconciliation(database).settle_batch(idle, overtaken)


def status(database: ExecutionsDatabase, request: RunRequested) -> str:
    """The status of an execution."""
    return str(database.execution(request.execution_id)["status"])


def test_a_request_that_no_queue_holds_is_sent_again(database: ExecutionsDatabase) -> None:
    request = stuck_executions.queued(database, AFTER + 1)
    [reconciled] = settle(database)
    assert reconciled.outcome == Outcome.REPUBLISHED
    assert status(database, request) == "QUEUED"
    assert stuck_executions.attempt_in_outbox(database, request) == 1
    assert database.events(request.execution_id) == [("queued", 1), ("republished", 1)]
    note = database.event_details(request.execution_id)["republished"]
    assert note == "The request did not reach a runner, so it is sent out again."


def test_what_was_sent_again_has_time_to_run(database: ExecutionsDatabase) -> None:
    request = stuck_executions.queued(database, AFTER + 1)
    settle(database)
    stuck_executions.forget_outbox(database, request)
    assert not settle(database)


@pytest.mark.parametrize("seconds", [0, AFTER - 5])
def test_what_was_queued_lately_is_left_alone(database: ExecutionsDatabase, seconds: float) -> None:
    stuck_executions.queued(database, seconds)
    assert not settle(database)


def test_what_the_relay_has_still_to_publish_is_left_alone(database: ExecutionsDatabase) -> None:
    request = database.add()
    stuck_executions.make_older(database, request, 10_000)
    assert not settle(database)


def find_overtaken(
    database: ExecutionsDatabase, pause_seconds: float, language: str = "python"
) -> list[UUID]:
    """What two looks find; between them a run is accepted, `pause_seconds` later, and starts."""
    looking = reconciliation(database)
    assert not looking.find_overtaken()
    newer = stuck_executions.running(database, 0, language=language)
    database.run(
        "UPDATE executions SET stored_at = now() + :pause WHERE id = :id",
        pause=timedelta(seconds=pause_seconds),
        id=newer.execution_id,
    )
    return looking.find_overtaken()


def test_a_long_backlog_is_left_alone(database: ExecutionsDatabase) -> None:
    oldest, *_ = [stuck_executions.queued(database, seconds) for seconds in range(5000, 0, -250)]
    store(database, started(oldest))
    assert not settle(database, idle=("c", "java"))


def test_a_request_that_was_overtaken_is_lost_though_others_wait(
    database: ExecutionsDatabase,
) -> None:
    request = stuck_executions.queued(database, AFTER + 50)
    stuck_executions.queued(database, 1)
    overtaken = find_overtaken(database, AFTER + 1)
    assert overtaken == [request.execution_id]
    [reconciled] = settle(database, (), overtaken)
    assert reconciled.outcome == Outcome.REPUBLISHED
    assert reconciled.change.execution_id == request.execution_id


def test_requests_that_came_late_into_their_queue_were_not_overtaken(
    database: ExecutionsDatabase,
) -> None:
    stuck_executions.queued(database, 1000)
    stuck_executions.running(database, 1)
    assert not reconciliation(database).find_overtaken()
    assert not settle(database, ())


def test_one_that_was_accepted_a_little_later_overtakes_nobody(
    database: ExecutionsDatabase,
) -> None:
    stuck_executions.queued(database, AFTER + 50)
    assert not find_overtaken(database, AFTER - 5)


def test_other_languages_overtake_nobody(database: ExecutionsDatabase) -> None:
    stuck_executions.queued(database, AFTER + 50)
    assert not find_overtaken(database, AFTER + 50, language="java")


def test_what_the_relay_has_still_to_publish_cannot_be_overtaken(
    database: ExecutionsDatabase,
) -> None:
    stuck_executions.make_older(database, database.add(), AFTER + 50)
    assert not find_overtaken(database, AFTER + 50)


def test_a_request_that_waits_for_its_next_attempt_counts_from_the_retry(
    database: ExecutionsDatabase,
) -> None:
    request = stuck_executions.running(database, 1000)
    store(database, retrying(request))
    assert not settle(database)
    stuck_executions.make_older(database, request, AFTER + 1)
    settle(database)
    assert stuck_executions.attempt_in_outbox(database, request) == 2


def test_a_run_beyond_its_limits_is_sent_again_as_the_next_attempt(
    database: ExecutionsDatabase,
) -> None:
    request = stuck_executions.running(database, LONGEST_RUN + 1, attempt=2)
    [reconciled] = settle(database, idle=())
    execution = database.execution(request.execution_id)
    assert reconciled.outcome == Outcome.REPUBLISHED
    assert (execution["status"], execution["attempts"]) == ("QUEUED", 2)
    assert execution["started_at"] is None
    assert stuck_executions.attempt_in_outbox(database, request) == 3


def test_a_run_within_its_limits_goes_on(database: ExecutionsDatabase) -> None:
    stuck_executions.running(database, LONGEST_RUN - 5)
    assert not settle(database)


def test_a_run_that_was_sent_again_cannot_be_ended_by_the_attempt_before(
    database: ExecutionsDatabase,
) -> None:
    request = stuck_executions.running(database, LONGEST_RUN + 1)
    settle(database)
    store(database, finished(request, 1, Reason.NONZERO_EXIT))
    assert status(database, request) == "QUEUED"
    store(database, started(request, 2), finished(request, 2))
    assert status(database, request) == "COMPLETED"


def lose_three_times(database: ExecutionsDatabase, request: RunRequested) -> None:
    """Let everything that is sent out again disappear, too."""
    for _ in range(3):
        stuck_executions.make_older(database, request, 10_000)
        assert [one.outcome for one in settle(database)] == [Outcome.REPUBLISHED]
        stuck_executions.forget_outbox(database, request)
    stuck_executions.make_older(database, request, 10_000)


def test_a_request_that_is_lost_again_and_again_ends_with_a_sentence(
    database: ExecutionsDatabase,
) -> None:
    request = stuck_executions.queued(database, 10_000)
    lose_three_times(database, request)
    [reconciled] = settle(database)
    execution = database.execution(request.execution_id)
    assert reconciled.outcome == Outcome.LOST
    assert (execution["status"], execution["reason"]) == ("FAILED", "lost")
    assert execution["detail"] == "The run was sent out 4 times, and nothing came back."
    [note] = execution["feedback"]
    assert note["kind"] == "platform"
    assert "Run the program again" in note["message"]
    assert (execution["stdout"], execution["stderr"]) == ("", "")
    assert execution["finished_at"] is not None
    assert [name for name, _ in database.events(request.execution_id)][-1] == "lost"
    assert not settle(database)


def test_after_requeueing_by_hand_the_count_begins_anew(database: ExecutionsDatabase) -> None:
    request = stuck_executions.queued(database, 10_000)
    lose_three_times(database, request)
    database.run(
        "INSERT INTO execution_events (execution_id, type, at, attempt)"
        " VALUES (:id, 'requeued', now(), 4)",
        id=request.execution_id,
    )
    stuck_executions.let_pass(database, request, AFTER + 1)
    [reconciled] = settle(database)
    assert reconciled.outcome == Outcome.REPUBLISHED


def test_a_request_for_a_language_that_is_not_offered_any_more_ends_with_a_sentence(
    database: ExecutionsDatabase,
) -> None:
    request = database.add(run_requested(language="cobol"))
    stuck_executions.make_older(database, request, 10_000)
    [reconciled] = settle(database, idle=())
    assert reconciled.outcome == Outcome.LOST
    detail = database.execution(request.execution_id)["detail"]
    assert detail == "The language cobol is not offered any more."


def test_a_language_that_was_withdrawn_just_now_may_come_back(
    database: ExecutionsDatabase,
) -> None:
    stuck_executions.make_older(database, database.add(run_requested(language="cobol")), 600)
    assert not settle(database, idle=())


def test_each_time_a_request_gets_twice_as_long(database: ExecutionsDatabase) -> None:
    request = stuck_executions.queued(database, AFTER + 1)
    settle(database)
    stuck_executions.forget_outbox(database, request)
    stuck_executions.make_older(database, request, 2 * AFTER - 5)
    assert not settle(database)
    stuck_executions.make_older(database, request, 2 * AFTER + 1)
    assert settle(database)


def test_what_is_told_as_lost_is_the_row_as_it_is_stored(database: ExecutionsDatabase) -> None:
    request = stuck_executions.queued(database, 10_000)
    lose_three_times(database, request)
    [reconciled] = settle(database)
    stored = database.execution(request.execution_id)
    told = {name: reconciled.row[name] for name in reconciled.row if name in stored}
    assert {name: stored[name] for name in told} == told
    assert set(COLUMN_NAMES) <= set(told)


def test_a_cancelled_run_that_never_answers_ends_cancelled(database: ExecutionsDatabase) -> None:
    request = stuck_executions.running(database, LONGEST_RUN + 1)
    stuck_executions.ask_to_cancel(database, request, 50)
    [reconciled] = settle(database)
    execution = database.execution(request.execution_id)
    assert reconciled.outcome == Outcome.CANCELLED
    assert (execution["status"], execution["reason"]) == ("CANCELLED", "cancelled")
    assert execution["feedback"] == []
    assert stuck_executions.attempt_in_outbox(database, request) is None


def test_a_cancelled_run_that_was_put_back_does_not_begin_again(
    database: ExecutionsDatabase,
) -> None:
    request = stuck_executions.running(database, 20)
    stuck_executions.ask_to_cancel(database, request, 10)
    store(database, retrying(request))
    assert status(database, request) == "QUEUED"
    [reconciled] = settle(database, idle=())
    assert reconciled.outcome == Outcome.CANCELLED
    assert status(database, request) == "CANCELLED"


def test_cancellations_that_were_not_heard_are_told_again(database: ExecutionsDatabase) -> None:
    unheard, fresh, over = (stuck_executions.running(database, 20) for _ in range(3))
    stuck_executions.running(database, 20)
    stuck_executions.ask_to_cancel(database, unheard, 6)
    stuck_executions.ask_to_cancel(database, fresh, 1)
    stuck_executions.ask_to_cancel(database, over, 6)
    store(database, finished(over))
    [found] = reconciliation(database).unanswered_cancellations()
    assert found.cancel.execution_id == unheard.execution_id
    assert found.traceparent == TRACEPARENT


def test_terminal_executions_are_left_alone(database: ExecutionsDatabase) -> None:
    request = stuck_executions.running(database, 20)
    stuck_executions.ask_to_cancel(database, request, 10)
    store(database, finished(request))
    stuck_executions.make_older(database, request, 10_000)
    assert not settle(database)


def test_many_collectors_act_once(database: ExecutionsDatabase) -> None:
    requests = [stuck_executions.queued(database, AFTER + 1) for _ in range(30)]
    batches = at_once(4, lambda: settle(database))
    assert sum(len(batch) for batch in batches) == len(requests)
    for request in requests:
        events = [name for name, _ in database.events(request.execution_id)]
        assert events.count("republished") == 1


def test_an_end_that_is_stored_at_the_same_moment_stays(database: ExecutionsDatabase) -> None:
    request = stuck_executions.running(database, LONGEST_RUN + 1)
    acts: list[Callable[[], object]] = [
        lambda: settle(database),
        lambda: store(database, finished(request, stdout="42\n")),
    ]
    at_once(2, lambda: acts.pop()())
    if status(database, request) == "QUEUED":
        store(database, finished(request, 2, stdout="42\n"))
    execution = database.execution(request.execution_id)
    assert (execution["status"], execution["stdout"]) == ("COMPLETED", "42\n")


APART = [timedelta(seconds=-100), timedelta(seconds=100)]


@pytest.mark.parametrize("apart", APART, ids=["slow", "fast"])
def test_a_runner_whose_clock_is_apart_loses_no_run(
    database: ExecutionsDatabase, apart: timedelta
) -> None:
    request = stuck_executions.queued(database, 1)
    start = started(request)
    store(database, dataclasses.replace(start, started_at=start.started_at + apart))
    assert not settle(database)
    stuck_executions.let_pass(database, request, LONGEST_RUN - 5)
    assert not settle(database)
    end = finished(request)
    store(database, dataclasses.replace(end, finished_at=end.finished_at + apart))
    assert status(database, request) == "COMPLETED"


@pytest.mark.parametrize("apart", APART, ids=["slow", "fast"])
def test_a_run_that_is_lost_is_found_in_time_whatever_the_runners_clock_said(
    database: ExecutionsDatabase, apart: timedelta
) -> None:
    request = stuck_executions.queued(database, 1)
    start = started(request)
    store(database, dataclasses.replace(start, started_at=start.started_at + apart))
    stuck_executions.let_pass(database, request, LONGEST_RUN + 1)
    assert [one.outcome for one in settle(database)] == [Outcome.REPUBLISHED]


@pytest.mark.parametrize("apart", APART, ids=["slow", "fast"])
def test_an_api_whose_clock_is_apart_has_no_request_sent_twice(
    database: ExecutionsDatabase, apart: timedelta
) -> None:
    now = datetime.now(UTC)
    request = database.add(dataclasses.replace(run_requested(), queued_at=now + apart))
    stuck_executions.forget_outbox(database, request)
    stuck_executions.let_pass(database, request, AFTER - 5)
    assert not settle(database)
    stuck_executions.let_pass(database, request, 10)
    assert [one.outcome for one in settle(database)] == [Outcome.REPUBLISHED]


@pytest.mark.parametrize("apart", APART, ids=["slow", "fast"])
def test_a_runner_whose_clock_is_apart_has_its_retry_left_alone(
    database: ExecutionsDatabase, apart: timedelta
) -> None:
    request = stuck_executions.running(database, 10)
    again = retrying(request)
    store(database, dataclasses.replace(again, at=again.at + apart))
    assert not settle(database)


@pytest.mark.parametrize("apart", APART, ids=["slow", "fast"])
def test_a_cancellation_is_repeated_in_time_whatever_the_apis_clock_said(
    database: ExecutionsDatabase, apart: timedelta
) -> None:
    request = stuck_executions.running(database, 20)
    cancellations = CancellationRepository(database.engine)
    assert cancellations.cancel(request.execution_id, datetime.now(UTC) + apart)
    assert not reconciliation(database).unanswered_cancellations()
    stuck_executions.let_pass(database, request, 6)
    assert len(reconciliation(database).unanswered_cancellations()) == 1
