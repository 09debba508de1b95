from concurrent.futures import Future
from typing import Any

import pika
import pytest
from pika.exceptions import ChannelWrongStateError
from pika.frame import Method
from pika.spec import Basic
from structlog.testing import capture_logs

from runlet_amqp.confirming_channel import ConfirmingChannel
from runlet_amqp.envelopes import Envelope
from runlet_amqp.errors import BrokerRefusedError, BrokerUnavailableError

FINE = Envelope("runs", "python", "run.requested.v1", b"{}", "7")
NOT_ENCODABLE = [
    Envelope("runs", "python", "run.requested.v1", b"{}", "7", headers={"x": object()}),
    Envelope("runs", "python", "run.requested.v1", b"{}", "\ud800"),
    Envelope("runs", "python", "t" * 256, b"{}", "7"),
]


class FakeChannel:
    """Encodes as pika does, and sends nothing."""

    def __init__(self) -> None:
        self.sent = 0
        self.is_open = True

    def add_on_return_callback(self, _callback: object) -> None:
        pass

    def confirm_delivery(self, settle: Any, callback: Any) -> None:
        self.settle = settle
        callback(None)

    def basic_publish(
        self, _exchange: str, _key: str, _body: bytes, properties: pika.BasicProperties, **_: bool
    ) -> None:
        if not self.is_open:
            raise ChannelWrongStateError("closed")
        properties.encode()
        self.sent += 1


@pytest.fixture
def fake() -> FakeChannel:
    return FakeChannel()


@pytest.fixture
def channel(fake: FakeChannel) -> ConfirmingChannel:
    any_channel: Any = fake
    return ConfirmingChannel(any_channel, lambda: None)


def send(channel: ConfirmingChannel, message: Envelope) -> "Future[None]":
    future: Future[None] = Future()
    channel.send(message, future)
    return future


@pytest.mark.parametrize("message", NOT_ENCODABLE, ids=["header", "text", "long"])
def test_a_message_that_cannot_be_encoded_fails_and_the_next_is_sent(
    channel: ConfirmingChannel, fake: FakeChannel, message: Envelope
) -> None:
    with capture_logs() as logs:
        failed, sent = send(channel, message), send(channel, FINE)

    assert isinstance(failed.exception(0), BrokerRefusedError)
    assert [each["event"] for each in logs] == ["message_not_encoded"]
    fake.settle(Method(1, Basic.Ack(1)))
    assert sent.result(0) is None
    assert fake.sent == 1


def test_a_channel_that_is_closed_is_an_outage(
    channel: ConfirmingChannel, fake: FakeChannel
) -> None:
    fake.is_open = False
    error = send(channel, FINE).exception(0)
    assert isinstance(error, BrokerUnavailableError)
    assert not isinstance(error, BrokerRefusedError)


def test_the_oldest_message_that_is_not_confirmed_tells_how_long_it_waits(
    channel: ConfirmingChannel, fake: FakeChannel
) -> None:
    assert channel.note_passing(5) == 0
    send(channel, FINE)
    assert channel.note_passing(5) == 5
    send(channel, FINE)
    assert channel.note_passing(5) == 10
    fake.settle(Method(1, Basic.Ack(1)))
    assert channel.note_passing(5) == 10
    fake.settle(Method(1, Basic.Ack(2)))
    assert channel.note_passing(5) == 0
