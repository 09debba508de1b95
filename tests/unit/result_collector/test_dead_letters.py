from datetime import UTC, datetime
from uuid import uuid4

import pytest

from result_collector.ingest import dead_letters, pending_writes
from runlet import messages, topology
from runlet_amqp.consumer import Delivery
from support.databases.event_factory import finished
from support.databases.executions import run_requested
from support.databases.stores import delivery

REQUEST = run_requested()


def dead(**headers: object) -> Delivery:
    """A request among the dead letters."""
    return delivery(
        "run.requested.v1", messages.encode(REQUEST), None, topology.DEAD_QUEUE, **headers
    )


def test_the_reason_a_runner_wrote_is_taken_over() -> None:
    letter = dead_letters.from_request(dead(**{topology.REASON_HEADER: "No such language."}))
    assert (letter.cause, letter.reason, letter.attempts) == ("rejected", "No such language.", 1)
    assert letter.execution_id == REQUEST.execution_id


def test_the_delivery_limit_is_put_in_words() -> None:
    letter = dead_letters.from_request(dead(**{"x-death": [{"reason": "delivery_limit"}]}))
    assert letter.cause == "delivery_limit"
    assert "ended its runners 4 times" in letter.reason
    assert letter.attempts == 4


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-death": []},
        {"x-death": "?"},
        {"x-death": ["?"]},
        {"x-death": [{}]},
        {"x-death": [{"reason": "expired"}]},
        {topology.REASON_HEADER: 5},
    ],
)
def test_odd_headers_give_a_reason_all_the_same(headers: dict[str, object]) -> None:
    letter = dead_letters.from_request(dead(**headers))
    assert (letter.cause, letter.reason) == ("rejected", "The broker gave the request up.")


def test_a_result_that_the_broker_gave_up_is_stored_as_a_result_and_not_taken_for_a_run() -> None:
    event = finished(REQUEST)
    given_up = delivery(
        messages.TYPE_NAMES[type(event)],
        messages.encode(event),
        str(REQUEST.execution_id),
        topology.DEAD_QUEUE,
        **{
            "x-first-death-queue": topology.RESULTS_QUEUE,
            "x-death": [{"reason": "delivery_limit", "queue": topology.RESULTS_QUEUE}],
        },
    )
    read = pending_writes.read(given_up, datetime.now(UTC))
    assert read.letter is None
    assert read.change is not None
    assert read.change.status == event.status


def test_a_request_whose_runners_died_is_a_dead_letter() -> None:
    given_up = dead(
        **{
            "x-first-death-queue": "runs.python",
            "x-death": [{"reason": "delivery_limit", "queue": "runs.python"}],
        }
    )
    assert pending_writes.read(given_up, datetime.now(UTC)).letter is not None


def test_text_is_made_storable() -> None:
    letter = dead_letters.from_request(dead(**{topology.REASON_HEADER: "a\0b"}))
    assert letter.reason == "a\ufffdb"
    assert dead_letters.from_event(delivery("a\0b", b"")).type == "a\ufffdb"


def test_an_id_tells_messages_apart_and_knows_them_again() -> None:
    execution_id = str(uuid4())
    told_apart = [
        delivery("a", b"1", execution_id),
        delivery("a", b"2", execution_id),
        delivery("b", b"1", execution_id),
        delivery("a", b"1", str(uuid4())),
    ]
    assert len({dead_letters.from_event(one).id for one in told_apart}) == 4
    again = delivery("a", b"1", execution_id)
    assert dead_letters.from_event(again).id == dead_letters.from_event(told_apart[0]).id


@pytest.mark.parametrize("correlation_id", [None, "", "17", "{}", "\0"])
def test_what_is_no_execution_id_is_none(correlation_id: str | None) -> None:
    letter = dead_letters.from_event(delivery("?", b"", correlation_id))
    assert letter.execution_id is None
