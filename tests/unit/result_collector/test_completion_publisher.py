"""Ends that the broker does not confirm are published within a bound."""

from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from structlog.testing import capture_logs

from result_collector.ingest import completion_publisher
from result_collector.ingest.completion_publisher import CompletionPublisher
from runlet.execution import ExecutionResult
from runlet.limits import Limits
from runlet_amqp.envelopes import Envelope
from runlet_amqp.errors import BrokerUnavailableError
from runlet_postgres.execution_rows import result_values

NOW = datetime(2030, 1, 1, tzinfo=UTC)


class Broker:
    """Takes messages, and confirms them when it is told to."""

    def __init__(self) -> None:
        self.taken: list[tuple[Envelope, Future[None]]] = []

    def publish(self, message: Envelope) -> "Future[None]":
        """Take a message."""
        future: Future[None] = Future()
        self.taken.append((message, future))
        return future


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completion_publisher, "CONFIRM_SECONDS", 0)


def ended(stdout: str = "42\n") -> dict[str, Any]:
    """An execution that has ended, as it is stored."""
    return {
        **result_values(ExecutionResult(stdout=stdout)),
        "id": uuid4(),
        "session_id": uuid4(),
        "language": "python",
        "status": "COMPLETED",
        "reason": None,
        "feedback": [],
        "attempts": 1,
        "limits": msgspec.to_builtins(Limits(1000, 64, 4096)),
        **dict.fromkeys(("created_at", "queued_at", "started_at", "finished_at"), NOW),
        "callback_attempt": None,
    }


def test_what_is_not_confirmed_is_bounded_and_what_is_left_out_is_logged() -> None:
    broker = Broker()
    publisher = CompletionPublisher(broker, max_unconfirmed_bytes=10_000)
    with capture_logs() as logs:
        for _ in range(5):
            publisher.publish(ended("x" * 4_000), None)
    assert len(broker.taken) == 2
    assert [line["event"] for line in logs] == ["completion_publish_failed"] * 3


def test_a_confirmation_makes_room() -> None:
    broker = Broker()
    publisher = CompletionPublisher(broker, max_unconfirmed_bytes=10_000)
    for _ in range(5):
        publisher.publish(ended("x" * 4_000), None)
        broker.taken[-1][1].set_result(None)
    assert len(broker.taken) == 5


def test_a_failure_makes_room_as_well() -> None:
    broker = Broker()
    publisher = CompletionPublisher(broker, max_unconfirmed_bytes=1)
    with capture_logs() as logs:
        publisher.publish(ended(), None)
        broker.taken[-1][1].set_exception(BrokerUnavailableError("away"))
        publisher.publish(ended(), None)
    assert len(broker.taken) == 2
    assert [line["event"] for line in logs] == ["completion_publish_failed"]


def test_one_that_is_larger_than_the_bound_goes_alone() -> None:
    broker = Broker()
    publisher = CompletionPublisher(broker, max_unconfirmed_bytes=1)
    publisher.publish(ended(), None)
    publisher.publish(ended(), None)
    assert len(broker.taken) == 1


def test_a_row_of_another_version_is_not_published() -> None:
    broker = Broker()
    with capture_logs() as logs:
        CompletionPublisher(broker).publish({**ended(), "limits": {"novelty": 1}}, None)
    assert broker.taken == []
    assert [line["event"] for line in logs] == ["completion_publish_failed"]
