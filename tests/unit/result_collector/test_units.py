"""What of a batch is stored by one statement."""

from datetime import UTC, datetime
from uuid import uuid4

from result_collector.ingest import batch_entries
from result_collector.ingest.batch_entries import Unit
from runlet import topology
from runlet.limits import Limits
from runlet.messages import Event, RunRequested
from support.databases.event_factory import finished, retrying, started
from support.databases.stores import delivered, delivery


def requested() -> RunRequested:
    now = datetime.now(UTC)
    return RunRequested(uuid4(), uuid4(), "python", "x", Limits(1000, 64, 4096), now)


def names(found: list[Unit]) -> list[str]:
    return [type(unit.event).__name__ for unit in found]


def test_an_end_brings_the_start_of_its_attempt_along() -> None:
    one, other = requested(), requested()
    batch: list[Event] = [started(one), started(other), finished(one)]

    found = batch_entries.of([delivered(event) for event in batch])

    assert names(found) == ["ExecutionStarted", "ExecutionFinished"]
    assert found[0].begun is None
    assert found[1].begun == batch[0]


def test_the_start_of_another_attempt_stays_apart() -> None:
    request = requested()
    batch: list[Event] = [
        started(request, 1),
        retrying(request, 1),
        started(request, 2),
        finished(request, 2),
    ]

    found = batch_entries.of([delivered(event) for event in batch])

    assert names(found) == ["ExecutionStarted", "ExecutionRetrying", "ExecutionFinished"]
    assert found[2].begun == batch[2]


def test_a_start_that_comes_after_the_end_is_stored_by_itself() -> None:
    request = requested()

    found = batch_entries.of([delivered(finished(request)), delivered(started(request))])

    assert names(found) == ["ExecutionFinished", "ExecutionStarted"]


def test_each_delivery_is_in_one_unit_and_comes_apart_again() -> None:
    request = requested()
    batch = [delivered(event) for event in (started(request), started(request), finished(request))]

    found = batch_entries.of(batch)

    apart = [each.delivery for unit in found for each in batch_entries.apart(unit)]
    assert sorted(each.tag for each in apart) == sorted(each.tag for each in batch)


def test_what_is_no_event_says_why_and_dead_letters_are_not_read() -> None:
    odd = delivery("execution.started.v1", b"{}")
    letter = delivery("run.requested.v1", b"{}", queue=topology.DEAD_QUEUE)

    first, second = batch_entries.of([odd, letter])

    assert first.event is None
    assert "execution.started.v1" in first.problem
    assert (second.event, second.problem) == (None, "")
