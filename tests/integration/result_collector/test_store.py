"""Events change an execution in one way only, however often and in whatever order they come."""

import dataclasses
from datetime import UTC, datetime
from itertools import permutations
from typing import Any
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from execution_api.dead_letters.repository import DeadLetterRepository
from runlet import messages, topology
from runlet.execution import CompileResult, Reason
from runlet.messages import Event, RunRequested
from runlet_amqp.consumer import Delivery
from support.databases.event_factory import finished, retrying, started
from support.databases.executions import ExecutionsDatabase
from support.databases.stores import delivered, delivery, store, store_deliveries

Names = tuple[str, ...]


def test_a_start_makes_it_running(database: ExecutionsDatabase) -> None:
    request = database.add()
    event = started(request)
    [stored] = store(database, event)
    execution = database.execution(request.execution_id)
    assert stored.changed
    assert (execution["status"], execution["attempts"]) == ("RUNNING", 1)
    assert execution["started_at"] == event.started_at
    assert database.events(request.execution_id) == [("queued", 1), ("started", 1)]


def test_an_end_is_stored_with_everything_the_run_left(database: ExecutionsDatabase) -> None:
    request = database.add()
    event = finished(
        request,
        reason=Reason.SIGNAL,
        stdout="ü\n",
        stderr="boom",
        stderr_truncated=True,
        exit_code=None,
        signal=11,
        cpu_time_ms=10,
        memory_peak_kb=9216,
        compile=CompileResult(0, "", "warning", 80),
    )
    store(database, dataclasses.replace(event, detail="It crashed."))
    execution = database.execution(request.execution_id)
    assert (execution["status"], execution["reason"]) == ("FAILED", "signal")
    assert (execution["stdout"], execution["stderr"]) == ("ü\n", "boom")
    assert (execution["stdout_truncated"], execution["stderr_truncated"]) == (False, True)
    assert (execution["exit_code"], execution["signal"]) == (None, 11)
    assert (execution["execution_time_ms"], execution["cpu_time_ms"]) == (12, 10)
    assert execution["memory_peak_kb"] == 9216
    assert execution["compile"]["stderr"] == "warning"
    assert (execution["attempts"], execution["detail"]) == (1, "It crashed.")
    assert (execution["started_at"], execution["finished_at"]) == (
        event.started_at,
        event.finished_at,
    )
    assert database.event_details(request.execution_id)["finished"] == "FAILED signal: It crashed."


def test_an_end_without_a_start_of_its_own_keeps_the_one_that_was_told(
    database: ExecutionsDatabase,
) -> None:
    request = database.add()
    start = started(request)
    store(database, start, dataclasses.replace(finished(request), started_at=None))
    assert database.execution(request.execution_id)["started_at"] == start.started_at


def test_an_end_tells_the_start_of_its_attempt_and_where_it_ran(
    database: ExecutionsDatabase,
) -> None:
    request = database.add()
    event = dataclasses.replace(
        finished(request), runner="runner-1", container="0a1b2c", image="runlet/python:1"
    )
    store(database, event)
    assert database.events(request.execution_id) == [
        ("queued", 1),
        ("started", 1),
        ("finished", 1),
    ]
    details = database.event_details(request.execution_id)
    assert details["started"] == "by runner runner-1, container 0a1b2c, image runlet/python:1"


def test_a_start_that_was_told_before_is_noted_once(database: ExecutionsDatabase) -> None:
    request = database.add()
    store(database, started(request), dataclasses.replace(finished(request), runner="runner-2"))
    assert database.event_details(request.execution_id)["started"] == "by runner runner-1"
    assert len(database.events(request.execution_id)) == 3


@pytest.mark.parametrize(
    "unknown", [{"started_at": None, "runner": "runner-1"}, {"runner": ""}], ids=str
)
def test_an_end_of_what_never_began_or_of_a_version_before_tells_no_start(
    database: ExecutionsDatabase, unknown: dict[str, Any]
) -> None:
    request = database.add()
    store(database, dataclasses.replace(finished(request), **unknown))
    assert database.events(request.execution_id) == [("queued", 1), ("finished", 1)]


def test_a_retry_makes_it_queued_again(database: ExecutionsDatabase) -> None:
    request = database.add()
    store(database, started(request), retrying(request))
    execution = database.execution(request.execution_id)
    assert (execution["status"], execution["attempts"]) == ("QUEUED", 1)
    assert execution["started_at"] is None
    assert database.event_details(request.execution_id)["retrying"] == "The sandbox did not start."


def life(request: RunRequested) -> dict[str, Event]:
    """All that may be told of a request; its third attempt is the last."""
    return {
        "start 1": started(request, 1),
        "retry 1": retrying(request, 1),
        "start 2": started(request, 2),
        "retry 2": retrying(request, 2),
        "start 3": started(request, 3),
        "end 1": finished(request, 1, stdout="42\n"),
        "end 2": finished(request, 2, stdout="42\n"),
        "end 3": finished(request, 3, stdout="42\n"),
    }


@pytest.mark.parametrize(
    "order", list(permutations(["start 1", "retry 1", "start 2", "end 3"])), ids=str
)
def test_every_order_of_events_ends_the_same(database: ExecutionsDatabase, order: Names) -> None:
    request = database.add()
    told = life(request)
    for name in order:
        store(database, told[name])
    execution = database.execution(request.execution_id)
    assert (execution["status"], execution["stdout"], execution["attempts"]) == (
        "COMPLETED",
        "42\n",
        3,
    )
    assert len(database.events(request.execution_id)) == 5


@pytest.mark.parametrize(
    ("order", "status", "attempts"),
    [
        (("start 1", "start 1"), "RUNNING", 1),
        (("retry 1", "start 1"), "QUEUED", 1),
        (("start 2", "start 1"), "RUNNING", 2),
        (("start 2", "retry 1"), "RUNNING", 2),
        (("retry 2", "start 2", "retry 1", "start 1"), "QUEUED", 2),
        (("retry 2", "start 3", "retry 2"), "RUNNING", 3),
        (("start 1", "start 2"), "RUNNING", 2),
        (("end 3", "start 3"), "COMPLETED", 3),
        (("start 1", "retry 1", "end 1"), "QUEUED", 1),
        (("retry 2", "end 1"), "QUEUED", 2),
        (("retry 1", "end 2"), "COMPLETED", 2),
    ],
)
def test_an_event_that_was_overtaken_changes_nothing(
    database: ExecutionsDatabase, order: Names, status: str, attempts: int
) -> None:
    request = database.add()
    told = life(request)
    store(database, *(told[name] for name in order))
    execution = database.execution(request.execution_id)
    assert (execution["status"], execution["attempts"]) == (status, attempts)


def test_the_end_of_an_earlier_attempt_is_not_the_end(database: ExecutionsDatabase) -> None:
    request = database.add()
    store(database, started(request, 2))
    [stored] = store(database, finished(request, 1, Reason.LOST))
    assert not stored.changed
    assert database.execution(request.execution_id)["status"] == "RUNNING"


def test_an_end_that_came_too_late_is_no_part_of_the_lifecycle(
    database: ExecutionsDatabase,
) -> None:
    request = database.add()
    store(database, finished(request, 2), finished(request, 1), finished(request, 2))
    assert database.events(request.execution_id) == [("queued", 1), ("finished", 2)]


@pytest.mark.parametrize("reason", [Reason.INFRASTRUCTURE, Reason.LOST])
@pytest.mark.parametrize("detail", ["The disk is full.", None])
def test_a_fault_of_the_platform_tells_people_a_sentence(
    database: ExecutionsDatabase, reason: Reason, detail: str | None
) -> None:
    request = database.add()
    store(database, dataclasses.replace(finished(request, 1, reason), detail=detail))
    [note] = database.execution(request.execution_id)["feedback"]
    assert (note["kind"], note["line"]) == ("platform", None)
    assert note["message"].startswith(detail or "The platform failed")
    assert "Run the program again" in note["message"]


@pytest.mark.parametrize("reason", [None, Reason.NONZERO_EXIT, Reason.CANCELLED])
def test_remarks_that_were_there_before_the_run_stay(
    database: ExecutionsDatabase, reason: Reason | None
) -> None:
    request = database.add()
    remark = '[{"kind": "loop", "line": 3, "message": "This loop has no end."}]'
    database.run("UPDATE executions SET feedback = CAST(:remark AS jsonb)", remark=remark)
    store(database, finished(request, 1, reason))
    [note] = database.execution(request.execution_id)["feedback"]
    assert note["kind"] == "loop"


def test_a_terminal_status_never_changes(database: ExecutionsDatabase) -> None:
    request = database.add()
    store(database, finished(request, 1, Reason.TIME_LIMIT, stdout="first"))
    later = store(
        database,
        finished(request, 1, stdout="second"),
        finished(request, 2, stdout="third"),
        started(request, 3),
        retrying(request, 4),
    )
    execution = database.execution(request.execution_id)
    assert not any(stored.changed for stored in later)
    assert (execution["status"], execution["stdout"]) == ("TIMEOUT", "first")


def test_storing_a_whole_life_twice_changes_nothing(database: ExecutionsDatabase) -> None:
    request = database.add()
    told = [event for name, event in life(request).items() if name not in ("end 1", "end 2")]
    store(database, *told)
    once = (database.execution(request.execution_id), database.events(request.execution_id))
    again = store(database, *told)
    assert not any(stored.changed for stored in again)
    assert once == (
        database.execution(request.execution_id),
        database.events(request.execution_id),
    )


def test_nul_characters_are_made_storable(database: ExecutionsDatabase) -> None:
    request = database.add()
    event = finished(request, stdout="a\0b", compile=CompileResult(0, "\0", "\0", 1))
    store(database, dataclasses.replace(event, detail="\0"))
    execution = database.execution(request.execution_id)
    assert execution["stdout"] == "a\ufffdb"
    assert execution["compile"]["stdout"] == "\ufffd"


NOW = datetime.now(UTC)
SOMEBODY = RunRequested(uuid4(), uuid4(), "python", "", None, NOW)  # type: ignore[arg-type]
NAIVE = dataclasses.replace(finished(SOMEBODY), finished_at=datetime(2025, 1, 1))


@pytest.mark.parametrize(
    "poison",
    [
        delivery(None, b"{}"),
        delivery("execution.finished.v1", b"{"),
        delivery("execution.finished.v1", b"\xff"),
        delivery("execution.finished.v1", b"[" * 100_000),
        delivery("execution.finished.v2", messages.encode(finished(SOMEBODY))),
        delivery("run.requested.v1", b"{}"),
        delivery("a\0b", b"\0"),
        delivery("execution.started.v1", b"{}", "not an id"),
        delivered(started(SOMEBODY)),
        delivered(dataclasses.replace(finished(SOMEBODY), status="RUNNING")),  # type: ignore[arg-type]
        delivered(NAIVE),
    ],
    ids=lambda poison: repr(poison.body)[:40],
)
def test_poison_is_put_aside_and_the_rest_is_stored(
    database: ExecutionsDatabase, poison: Delivery
) -> None:
    before, after = database.add(), database.add()
    batch = [delivered(finished(before)), poison, delivered(finished(after))]
    with capture_logs() as logs:
        store_deliveries(database, *batch)
    for request in (before, after):
        assert database.execution(request.execution_id)["status"] == "COMPLETED"
    [letter] = database.dead_letters()
    assert (letter["reason"], bytes(letter["body"])) == ("invalid_event", poison.body)
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["event_refused"]


def test_a_value_that_fits_no_column_spoils_only_its_own_event(
    database: ExecutionsDatabase,
) -> None:
    good, bad = database.add(), database.add()
    store(database, finished(bad, exit_code=2**40), finished(good))
    assert database.execution(good.execution_id)["status"] == "COMPLETED"
    assert database.execution(bad.execution_id)["status"] == "QUEUED"
    [letter] = database.dead_letters()
    assert (letter["reason"], letter["execution_id"]) == ("invalid_event", bad.execution_id)


def test_the_same_poison_twice_is_one_dead_letter(database: ExecutionsDatabase) -> None:
    poison = delivery("nonsense", b"{}", str(uuid4()))
    store_deliveries(database, poison, poison)
    assert len(database.dead_letters()) == 1


def dead_lettered(request: RunRequested, **headers: object) -> Delivery:
    """A request that came to the queue of dead letters."""
    return delivery(
        "run.requested.v1",
        messages.encode(request),
        str(request.execution_id),
        topology.DEAD_QUEUE,
        **headers,
    )


def test_a_request_that_was_given_up_fails_its_execution(database: ExecutionsDatabase) -> None:
    request = database.add()
    store(database, started(request))
    letter = dead_lettered(request, **{topology.REASON_HEADER: "This runner has no such language."})
    [stored] = store_deliveries(database, letter)
    execution = database.execution(request.execution_id)
    assert stored.changed
    assert (execution["status"], execution["reason"]) == ("FAILED", "infrastructure")
    assert execution["detail"] == "This runner has no such language."
    assert execution["finished_at"] >= request.queued_at
    details = database.event_details(request.execution_id)
    assert details["dead_lettered"] == "This runner has no such language."
    [kept] = database.dead_letters()
    assert (kept["execution_id"], kept["attempts"]) == (request.execution_id, 1)
    assert (kept["reason"], kept["type"]) == (execution["detail"], "run.requested.v1")
    assert bytes(kept["body"]) == messages.encode(request)


def test_a_request_that_ended_its_runners_says_how_often(database: ExecutionsDatabase) -> None:
    request = database.add()
    death = [{"reason": "delivery_limit", "queue": "runs.python", "count": 1}]
    store_deliveries(database, dead_lettered(request, **{"x-death": death}))
    detail = database.execution(request.execution_id)["detail"]
    assert detail == "The run ended its runners 4 times and was given up."
    [kept] = database.dead_letters()
    assert (kept["reason"], kept["attempts"]) == (detail, 4)


def test_an_unreadable_request_fails_the_execution_it_is_about(
    database: ExecutionsDatabase,
) -> None:
    request = database.add()
    letter = delivery("?", b"\xff\0", str(request.execution_id), topology.DEAD_QUEUE)
    store_deliveries(database, letter)
    assert database.execution(request.execution_id)["status"] == "FAILED"
    [kept] = database.dead_letters()
    assert (kept["execution_id"], bytes(kept["body"])) == (request.execution_id, b"\xff\0")


@pytest.mark.parametrize("correlation_id", [None, "", "17", str(uuid4())])
def test_a_dead_letter_about_nobody_is_kept(
    database: ExecutionsDatabase, correlation_id: str | None
) -> None:
    letter = delivery("?", b"{}", correlation_id, topology.DEAD_QUEUE)
    store_deliveries(database, letter, letter)
    assert len(database.dead_letters()) == 1


def test_a_dead_letter_does_not_undo_a_result(database: ExecutionsDatabase) -> None:
    request = database.add()
    store(database, finished(request))
    [stored] = store_deliveries(database, dead_lettered(request))
    assert not stored.changed
    assert database.execution(request.execution_id)["status"] == "COMPLETED"
    assert len(database.dead_letters()) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {topology.REASON_HEADER: "No sandbox came up."},
        {"x-death": [{"reason": "delivery_limit"}]},
    ],
    ids=["rejected", "delivery limit"],
)
@pytest.mark.parametrize("begun", [False, True])
def test_a_dead_letter_that_comes_again_leaves_the_requeued_execution_alone(
    database: ExecutionsDatabase, headers: dict[str, object], begun: bool
) -> None:
    request = database.add()
    letter = dead_lettered(request, **headers)
    store_deliveries(database, letter)
    again = requeue(database)
    if begun:
        store(database, started(request, again))
    [stored] = store_deliveries(database, letter)
    assert not stored.changed
    assert database.execution(request.execution_id)["status"] == ("RUNNING" if begun else "QUEUED")
    store(database, finished(request, again))
    assert database.execution(request.execution_id)["status"] == "COMPLETED"


def test_a_requeued_request_that_is_given_up_once_more_fails_again(
    database: ExecutionsDatabase,
) -> None:
    request = database.add()
    store_deliveries(
        database, dead_lettered(request, **{"x-death": [{"reason": "delivery_limit"}]})
    )
    again = dataclasses.replace(request, attempt=requeue(database))
    store_deliveries(database, dead_lettered(again))
    assert database.execution(request.execution_id)["status"] == "FAILED"


def requeue(database: ExecutionsDatabase) -> int:
    """Queue the execution of the only dead letter again; gives the attempt that follows."""
    [letter] = database.dead_letters()
    stored = DeadLetterRepository(database.engine).requeue(letter["id"], NOW, "00-trace")
    assert stored is not None
    return stored.attempt


def test_a_letter_of_an_earlier_attempt_does_not_end_a_later_one(
    database: ExecutionsDatabase,
) -> None:
    request = database.add()
    store(database, started(request, 2))
    store_deliveries(database, dead_lettered(request))
    assert database.execution(request.execution_id)["status"] == "RUNNING"


def test_a_request_of_an_unknown_version_stands_for_the_attempt_it_names(
    database: ExecutionsDatabase,
) -> None:
    request = database.add()
    store(database, started(request, 1), retrying(request, 1))
    body = b'{"attempt": 2, "program": "print(42)"}'
    letter = delivery("run.requested.v9", body, str(request.execution_id), topology.DEAD_QUEUE)
    store_deliveries(database, letter)
    assert database.execution(request.execution_id)["status"] == "FAILED"


def test_a_result_that_comes_after_its_dead_letter_is_too_late(
    database: ExecutionsDatabase,
) -> None:
    request = database.add()
    store_deliveries(database, dead_lettered(request))
    store(database, finished(request))
    assert database.execution(request.execution_id)["status"] == "FAILED"


def test_a_dead_letter_with_an_absurd_attempt_still_fails_its_execution(
    database: ExecutionsDatabase,
) -> None:
    request = database.add()
    store_deliveries(database, dead_lettered(dataclasses.replace(request, attempt=2**60)))
    assert database.execution(request.execution_id)["status"] == "FAILED"
