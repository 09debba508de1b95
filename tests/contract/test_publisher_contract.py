"""What the publisher and the broker make of many messages at once."""

import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pika
import pytest

from runlet import topology
from runlet_amqp import envelopes
from runlet_amqp import publisher as publishing
from runlet_amqp.confirming_channel import ConfirmingChannel
from runlet_amqp.envelopes import Envelope
from runlet_amqp.errors import BrokerRefusedError, BrokerUnavailableError
from runlet_amqp.publisher import Publisher
from support.broker import vhosts
from support.broker.vhosts import TOPOLOGY
from support.loops import supervised
from support.sandboxes.runners import run_request
from support.wait_until import eventually

QUEUE = topology.run_queue("python")
MANY = 500


@pytest.fixture
def publisher(amqp_url: str) -> Iterator[Publisher]:
    """A publisher that is connected."""
    publisher = Publisher(amqp_url, "test", TOPOLOGY)
    with supervised(publisher.loop()):
        assert publisher.wait_until_connected(120)
        yield publisher


def requests(count: int) -> list[Envelope]:
    """Requests to run something."""
    return [envelopes.run_request(run_request("print(1)"), None) for _ in range(count)]


def test_many_are_on_their_way_at_once_and_arrive_in_order(
    publisher: Publisher, amqp_url: str
) -> None:
    messages = requests(MANY)
    for confirmed in [publisher.publish(message) for message in messages]:
        confirmed.result(120)
    arrived = vhosts.take(amqp_url, QUEUE, MANY)
    ids = [properties.correlation_id for properties, _body in arrived]
    assert ids == [message.execution_id for message in messages]


def test_what_no_queue_takes_fails_and_the_others_do_not(publisher: Publisher) -> None:
    lost, *taken = requests(20)
    failing = publisher.publish(replace(lost, routing_key="cobol"))
    confirmed = [publisher.publish(message) for message in taken]
    with pytest.raises(BrokerUnavailableError, match="no queue"):
        failing.result(120)
    assert all(each.result(120) is None for each in confirmed)


def test_what_nobody_has_to_hear_is_confirmed_though_nobody_does(publisher: Publisher) -> None:
    (message,) = requests(1)
    unheard = replace(message, routing_key="cobol", must_route=False)
    assert publisher.publish(unheard).result(120) is None


def test_stopping_waits_for_what_was_handed_over(amqp_url: str) -> None:
    publisher = Publisher(amqp_url, "test", TOPOLOGY)
    with supervised(publisher.loop()):
        assert publisher.wait_until_connected(120)
        confirmed = [publisher.publish(message) for message in requests(MANY)]
    assert all(each.done() and each.exception() is None for each in confirmed)
    assert vhosts.depth(amqp_url, QUEUE) == MANY


def test_a_broker_that_confirms_nothing_is_given_up_and_tried_anew(
    amqp_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "CONFIRM_SECONDS", 0.3)
    monkeypatch.setattr(publishing, "LOOK_SECONDS", 0.1)
    settle = ConfirmingChannel._settle
    monkeypatch.setattr(ConfirmingChannel, "_settle", lambda _self, _frame: None)
    publisher = Publisher(amqp_url, "test", TOPOLOGY)
    with supervised(publisher.loop()):
        assert publisher.wait_until_connected(120)
        [message] = requests(1)
        with pytest.raises(BrokerUnavailableError, match="lost"):
            publisher.publish(message).result(120)
        monkeypatch.setattr(ConfirmingChannel, "_settle", settle)
        monkeypatch.setattr(publishing, "CONFIRM_SECONDS", 120.0)
        # The connection on which nothing was confirmed may still be ending.
        eventually(
            lambda: publisher.connected and publisher.publish(message).exception(120) is None, 120
        )


def test_a_message_that_cannot_be_encoded_costs_no_connection(publisher: Publisher) -> None:
    broken, *fine = requests(2)
    failed = publisher.publish(replace(broken, headers={"x": object()}))
    confirmed = [publisher.publish(message) for message in fine]
    with pytest.raises(BrokerRefusedError, match="encoded"):
        failed.result(120)
    assert all(each.result(120) is None for each in confirmed)


def test_an_exchange_that_was_deleted_is_put_back(publisher: Publisher, amqp_url: str) -> None:
    with vhosts.open_channel(amqp_url) as channel:
        channel.exchange_delete(topology.RUNS)
    lost, later = requests(2)
    with pytest.raises(BrokerUnavailableError):
        publisher.publish(lost).result(120)
    eventually(lambda: publisher.publish(later).exception(20) is None)
    [(properties, _body)] = vhosts.take(amqp_url, QUEUE, 1)
    assert properties.correlation_id == later.execution_id


def nowhere(address: pika.URLParameters) -> None:
    """A name that does not resolve."""
    address.host = "nowhere.invalid"


def encrypted(address: pika.URLParameters) -> None:
    """TLS, which a plain listener does not speak."""
    address.ssl_options = pika.SSLOptions(ssl.create_default_context(), address.host)


@pytest.mark.parametrize("change", [nowhere, encrypted])
def test_whatever_keeps_a_connection_from_being_made_it_is_tried_again(
    amqp_url: str, monkeypatch: pytest.MonkeyPatch, change: Callable[[pika.URLParameters], None]
) -> None:
    select_connection = pika.SelectConnection

    def open_changed(address: pika.URLParameters, **callbacks: Any) -> pika.SelectConnection:
        change(address)
        return select_connection(address, **callbacks)

    publisher = Publisher(amqp_url, "test", TOPOLOGY)
    with monkeypatch.context() as trouble:
        trouble.setattr(pika, "SelectConnection", open_changed)
        with supervised(publisher.loop()):
            assert not publisher.wait_until_connected(1)
            trouble.undo()
            assert publisher.wait_until_connected(120)
