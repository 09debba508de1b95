from dataclasses import replace
from datetime import UTC, datetime

import pytest

from execution_api.outbox.outbox import StoredRequest
from runlet import messages
from support.databases.executions import run_requested

LATER = datetime(2031, 1, 31, 12, 0, 0, 5, tzinfo=UTC)
REQUEST = run_requested()


def stored(attempt: int, body: str | None = None) -> StoredRequest:
    """The request as it would be sent for this attempt, queued again LATER."""
    body = messages.encode(REQUEST).decode() if body is None else body
    return StoredRequest(REQUEST.execution_id, "python", body, "00-trace", attempt, LATER)


def test_the_first_attempt_is_sent_as_it_was_stored() -> None:
    assert stored(1, "any ü text").message().body == "any ü text".encode()


def test_a_later_attempt_says_so_and_when_it_was_queued() -> None:
    message = stored(3).message()
    decoded = messages.decode(message.type, message.body)
    assert decoded == replace(REQUEST, attempt=3, first_attempt=3, queued_at=LATER)


def test_it_goes_to_the_runners_of_its_language() -> None:
    message = stored(2).message()
    assert (message.exchange, message.routing_key) == ("runs", "python")
    assert (message.execution_id, message.traceparent) == (str(REQUEST.execution_id), "00-trace")


@pytest.mark.parametrize("attempt", [1, 2])
def test_what_runners_will_refuse_is_sent_all_the_same(attempt: int) -> None:
    assert b'"colour":"red"' in stored(attempt, '{"colour":"red"}').message().body
