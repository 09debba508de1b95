"""One message, one attempt, whatever fails around it."""

from concurrent.futures import Future
from datetime import UTC, datetime
from typing import cast
from uuid import UUID, uuid4

import pytest

from result_collector.callbacks import delivery_result
from result_collector.callbacks.delivery_result import DeliveryResult
from result_collector.callbacks.handler import CallbackHandler
from result_collector.callbacks.retry_schedule import RetrySchedule
from result_collector.callbacks.sender import Attempt
from result_collector.callbacks.store import CallbackStore
from runlet import messages, topology
from runlet.lifecycle import StopSignal
from runlet.messages import CallbackRequested
from runlet_amqp.consumer import Delivery
from runlet_amqp.envelopes import Envelope
from runlet_amqp.errors import BrokerUnavailableError
from runlet_postgres.errors import DatabaseUnavailableError
from support.databases.stores import delivery

SCHEDULE = RetrySchedule(delays_seconds=(2, 10))
EXECUTION_ID = uuid4()


class Rows:
    """Stands in for the store; `away` counts the calls that find no database."""

    def __init__(self, decided: bool = True, failure: str | None = None, away: int = 0) -> None:
        self.concluded: list[tuple[DeliveryResult, float | None]] = []
        self._decided = decided
        self._failure = failure
        self._away = away

    def begin(self, execution_id: UUID, attempt: int) -> Attempt | None:
        """Begin, unless the callback was given up."""
        if self._away:
            self._away -= 1
            raise DatabaseUnavailableError("away")
        at = datetime(2030, 1, 1, tzinfo=UTC)
        return None if self._failure else Attempt(execution_id, attempt, 1, at, "http://h/", {})

    def conclude(self, _attempt: Attempt, answer: DeliveryResult, delay: float | None) -> bool:
        """Note the outcome."""
        self.concluded.append((answer, delay))
        return self._decided

    def find_failure(self, _execution_id: UUID, _attempt: int) -> str | None:
        """Why it was given up."""
        return self._failure


class Line:
    """Answers attempts with `answer`, or breaks."""

    def __init__(self, answer: DeliveryResult | Exception) -> None:
        self._answer = answer

    def send(self, _attempt: Attempt) -> DeliveryResult:
        """Give the answer."""
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


class Broker:
    """Takes what is published, or is away."""

    def __init__(self, away: bool = False) -> None:
        self.published: list[Envelope] = []
        self._away = away

    def publish(self, message: Envelope) -> "Future[None]":
        """Take a message."""
        self.published.append(message)
        future: Future[None] = Future()
        if self._away:
            future.set_exception(BrokerUnavailableError("away"))
        else:
            future.set_result(None)
        return future


class NoPause(StopSignal):
    """Is set after so many waits, which take no time."""

    def __init__(self, waits: int) -> None:
        super().__init__()
        self._left = waits

    def wait(self, _seconds: float | None = None) -> bool:
        """Count the wait."""
        self._left -= 1
        return self.is_set()

    def is_set(self) -> bool:
        """Whether there were enough."""
        return self._left <= 0


def asked(attempt: int) -> Delivery:
    """The message that asks for an attempt."""
    request = CallbackRequested(EXECUTION_ID, attempt)
    return delivery("callback.requested.v1", messages.encode(request), str(EXECUTION_ID))


def handle(
    answer: DeliveryResult | Exception,
    attempt: int,
    rows: Rows | None = None,
    broker: Broker | None = None,
) -> tuple[Rows, Broker]:
    """Handle the message that asks for an attempt, which is answered so."""
    rows, broker = rows or Rows(), broker or Broker()
    handler = CallbackHandler(cast(CallbackStore, rows), Line(answer), broker, SCHEDULE)
    handler.handle(asked(attempt), NoPause(5))
    return rows, broker


def test_what_was_delivered_needs_no_message() -> None:
    rows, broker = handle(delivery_result.from_status(204), 1)
    assert rows.concluded == [(DeliveryResult(204), None)]
    assert broker.published == []


@pytest.mark.parametrize(("attempt", "delay"), [(1, 2), (2, 10)])
def test_the_next_attempt_waits_longer_each_time(attempt: int, delay: float) -> None:
    rows, broker = handle(delivery_result.from_status(500), attempt)
    assert rows.concluded[0][1] == delay
    [message] = broker.published
    assert message.routing_key == f"retry.{delay}s"
    following = messages.decode(message.type, message.body)
    assert following == CallbackRequested(EXECUTION_ID, attempt + 1)


@pytest.mark.parametrize(("status", "attempt"), [(500, 3), (410, 1)])
def test_after_the_last_attempt_it_is_given_up(status: int, attempt: int) -> None:
    rows, broker = handle(delivery_result.from_status(status), attempt)
    assert rows.concluded[0][1] is None
    [message] = broker.published
    assert message.routing_key == topology.CALLBACK_DEAD
    assert str(status) in str(message.headers[topology.REASON_HEADER])


def test_a_defect_is_a_failed_attempt() -> None:
    rows, broker = handle(ZeroDivisionError("secret detail"), 1)
    [(answer, delay)] = rows.concluded
    assert answer.problem == "The callback could not be sent through a fault of the platform."
    assert delay == 2
    assert len(broker.published) == 1


def test_a_broker_that_is_away_leaves_the_next_attempt_to_the_sweep() -> None:
    rows, _ = handle(delivery_result.from_status(500), 1, broker=Broker(away=True))
    assert len(rows.concluded) == 1


def test_an_outcome_that_decides_nothing_starts_nothing() -> None:
    _, broker = handle(delivery_result.from_status(500), 1, rows=Rows(decided=False))
    assert broker.published == []


def test_what_was_given_up_and_not_dead_lettered_is_dead_lettered() -> None:
    rows, broker = handle(delivery_result.from_status(204), 3, rows=Rows(failure="Nobody there."))
    assert rows.concluded == []
    [message] = broker.published
    assert message.headers == {topology.REASON_HEADER: "Nobody there."}


def test_it_waits_for_the_database() -> None:
    rows, _ = handle(delivery_result.from_status(204), 1, rows=Rows(away=3))
    assert len(rows.concluded) == 1


def test_it_does_not_wait_for_the_database_past_the_stop() -> None:
    with pytest.raises(DatabaseUnavailableError):
        handle(delivery_result.from_status(204), 1, rows=Rows(away=100))


@pytest.mark.parametrize(
    ("type_name", "body"),
    [("callback.requested.v9", b"{}"), ("callback.requested.v1", b"\xff"), (None, b"")],
)
def test_what_is_no_request_is_dropped(type_name: str | None, body: bytes) -> None:
    rows, broker = Rows(), Broker()
    handler = CallbackHandler(
        cast(CallbackStore, rows), Line(delivery_result.from_status(204)), broker, SCHEDULE
    )
    handler.handle(delivery(type_name, body), StopSignal())
    assert (rows.concluded, broker.published) == ([], [])
