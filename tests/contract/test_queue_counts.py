"""Asking a broker how much waits in a queue, whatever becomes of the connection and the queue."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from runlet import topology
from runlet_amqp import connection, envelopes
from runlet_amqp.errors import BrokerUnavailableError
from runlet_amqp.queue_counter import QueueCounter, QueueCounts
from support.broker import vhosts
from support.broker.tcp_proxy import TcpProxy
from support.broker.vhosts import TOPOLOGY
from support.sandboxes.runners import run_request

QUEUE = topology.run_queue("python")
NOTHING, ONE = QueueCounts(0, 0), QueueCounts(1, 0)


@pytest.fixture
def proxy(amqp_url: str) -> Iterator[TcpProxy]:
    address = urlsplit(amqp_url)
    proxy = TcpProxy((address.hostname or "", address.port or 5672))
    yield proxy
    proxy.cut()


@pytest.fixture
def counter(amqp_url: str, proxy: TcpProxy, monkeypatch: pytest.MonkeyPatch) -> QueueCounter:
    monkeypatch.setattr(connection, "HANDSHAKE_SECONDS", 1)
    monkeypatch.setattr(connection, "HEARTBEAT_SECONDS", 1)
    address = urlsplit(amqp_url)
    url = amqp_url.replace(f":{address.port}/", f":{proxy.port}/")
    return QueueCounter(url, "counter", TOPOLOGY)


def publish_one(amqp_url: str) -> None:
    vhosts.publish(amqp_url, envelopes.run_request(run_request("print(1)"), None))


def test_what_waits_is_counted_over_one_connection(amqp_url: str, counter: QueueCounter) -> None:
    assert counter.count(QUEUE) == NOTHING
    publish_one(amqp_url)
    assert counter.count(QUEUE) == ONE
    counter.close()
    assert counter.count(QUEUE) == ONE


def test_a_queue_that_was_deleted_is_put_back(amqp_url: str, counter: QueueCounter) -> None:
    assert counter.count(QUEUE) == NOTHING
    with vhosts.open_channel(amqp_url) as channel:
        channel.queue_delete(QUEUE)
    assert counter.count(QUEUE) == NOTHING
    publish_one(amqp_url)
    assert counter.count(QUEUE) == ONE


def test_a_queue_that_is_not_of_the_topology_cannot_be_counted(counter: QueueCounter) -> None:
    with pytest.raises(BrokerUnavailableError, match="no queue 'unknown'"):
        counter.count("unknown")
    assert counter.count(QUEUE) == NOTHING


def test_a_connection_that_was_lost_in_between_is_opened_again(
    counter: QueueCounter, proxy: TcpProxy
) -> None:
    assert counter.count(QUEUE) == NOTHING
    proxy.cut()
    with pytest.raises(BrokerUnavailableError):
        counter.count(QUEUE)
    proxy.restore()
    assert counter.count(QUEUE) == NOTHING
    proxy.cut()
    proxy.restore()
    assert counter.count(QUEUE) == NOTHING


def test_a_frozen_broker_ends_a_count(counter: QueueCounter, proxy: TcpProxy) -> None:
    assert counter.count(QUEUE) == NOTHING
    proxy.freeze()
    for _ in range(2):
        with pytest.raises(BrokerUnavailableError):
            counter.count(QUEUE)
    proxy.thaw()
    assert counter.count(QUEUE) == NOTHING
