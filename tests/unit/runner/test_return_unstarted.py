import dataclasses
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from runlet import messages, topology
from runlet.limits import Limits
from runlet.messages import RunRequested
from runlet_amqp.consumer import Delivery
from runlet_amqp.envelopes import Envelope
from runlet_amqp.errors import BrokerUnavailableError
from runner.consume.event_publisher import EventPublisher
from runner.consume.return_unstarted import UnstartedReturn

TRACE = "00-11111111111111111111111111111111-2222222222222222-01"


class Broker:
    """Takes what it is given, or is away; remembers in which order things happened."""

    def __init__(self) -> None:
        self.away = False
        self.happened: list[str] = []
        self.sent: list[Envelope] = []

    def publish(self, message: Envelope) -> "Future[None]":
        future: Future[None] = Future()
        if self.away:
            future.set_exception(BrokerUnavailableError("away"))
        else:
            self.sent.append(message)
            self.happened.append("published")
            future.set_result(None)
        return future

    def settle(self, deliveries: Sequence[Delivery]) -> None:
        self.happened += ["settled"] * len(deliveries)


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
def return_unstarted(broker: Broker) -> UnstartedReturn:
    return UnstartedReturn(EventPublisher(broker), broker.settle)


def delivery(attempt: int = 1, earlier: int = 0) -> Delivery:
    request = RunRequested(
        execution_id=uuid4(),
        session_id=uuid4(),
        language="python",
        source_code="print(42)",
        limits=Limits(1000, 64, 4096),
        queued_at=datetime(2030, 1, 1, tzinfo=UTC),
        attempt=attempt,
    )
    headers: dict[str, object] = {"traceparent": TRACE}
    if earlier:
        headers["x-delivery-count"] = earlier
    return Delivery(
        queue="runs.python",
        tag=1,
        connection_generation=1,
        type="run.requested.v1",
        body=messages.encode(request),
        correlation_id=str(request.execution_id),
        headers=headers,
    )


def test_a_delivery_goes_back_as_it_came_and_is_settled_after_that(
    broker: Broker, return_unstarted: UnstartedReturn
) -> None:
    incoming = delivery(attempt=2)

    return_unstarted([incoming])

    (again,) = broker.sent
    assert (again.exchange, again.routing_key) == (topology.RUNS, "python")
    assert (again.type, again.body) == (incoming.type, incoming.body)
    assert again.traceparent == TRACE
    assert broker.happened == ["published", "settled"]


@pytest.mark.parametrize(("attempt", "earlier"), [(1, 0), (1, 2), (3, 1)])
def test_going_back_costs_no_attempt_and_hides_none(
    broker: Broker, return_unstarted: UnstartedReturn, attempt: int, earlier: int
) -> None:
    return_unstarted([delivery(attempt, earlier)])

    again = messages.decode(broker.sent[0].type, broker.sent[0].body)
    assert isinstance(again, RunRequested)
    assert again.attempt == attempt + earlier


def test_what_the_broker_does_not_take_is_left_to_come_back_by_itself(
    broker: Broker, return_unstarted: UnstartedReturn
) -> None:
    broker.away = True

    return_unstarted([delivery(), delivery()])

    assert broker.happened == []


def test_what_cannot_be_read_is_left_to_come_back_by_itself(
    broker: Broker, return_unstarted: UnstartedReturn
) -> None:
    return_unstarted([dataclasses.replace(delivery(), body=b"{"), delivery()])

    assert broker.happened == ["published", "settled"]
