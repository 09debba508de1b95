"""A broker that accepts and never answers, or stops answering, is got over without a restart."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from runlet import topology
from runlet.messages import CancelRequested, Message
from runlet_amqp import connection, envelopes
from runlet_amqp.consumer import Consumer, Delivery
from runlet_amqp.envelopes import Envelope
from runlet_amqp.errors import BrokerUnavailableError
from runlet_amqp.publisher import Publisher
from runlet_amqp.subscriber import Binding, Subscriber
from runlet_telemetry.supervision import MAX_SILENCE_SECONDS, Loop
from support.broker import vhosts
from support.broker.faulty_listener import (
    Behave,
    close_at_once,
    faulty_listener,
    speak_garbage,
    stay_silent,
)
from support.broker.tcp_proxy import TcpProxy
from support.broker.vhosts import TOPOLOGY
from support.loops import supervised
from support.sandboxes.runners import run_request
from support.wait_until import eventually

QUEUE = topology.run_queue("python")
PATIENCE_SECONDS = 60.0


@dataclass
class Clients:
    """One client of each kind at the same address."""

    url: str
    delivered: list[Delivery] = field(default_factory=list)
    heard: list[Message] = field(default_factory=list)
    listening: list[bool] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.publisher = Publisher(self.url, "stalls", TOPOLOGY)
        self.consumer = Consumer(self.url, "stalls", [QUEUE], 5, TOPOLOGY, self.delivered.append)
        self.subscriber = Subscriber(
            self.url,
            "stalls",
            TOPOLOGY,
            [Binding(topology.CONTROL)],
            self.heard.append,
            self.listening.append,
        )

    def loops(self) -> tuple[Loop, ...]:
        return (
            self.publisher.loop(),
            self.consumer.loop(is_drained=lambda: True),
            self.subscriber.loop(),
        )

    def are_connected(self) -> bool:
        is_listening = bool(self.listening) and self.listening[-1]
        return self.publisher.connected and self.consumer.connected and is_listening

    def work(self) -> bool:
        """Whether what is published now reaches the consumer and the subscriber."""
        request, cancellation = request_envelope(), cancellation_envelope()
        for message in (request, cancellation):
            self.publisher.publish(message).result(PATIENCE_SECONDS)
        eventually(lambda: request.execution_id in self.delivered_ids(), PATIENCE_SECONDS)
        eventually(lambda: self.heard, PATIENCE_SECONDS)
        self.consumer.settle(self.delivered)
        return True

    def delivered_ids(self) -> set[str | None]:
        return {delivery.correlation_id for delivery in self.delivered}


def request_envelope() -> Envelope:
    return envelopes.run_request(run_request("print(1)"), None)


def cancellation_envelope() -> Envelope:
    return envelopes.cancellation(CancelRequested(uuid4(), datetime.now(UTC)), None)


@pytest.fixture
def proxy(amqp_url: str) -> Iterator[TcpProxy]:
    address = urlsplit(amqp_url)
    proxy = TcpProxy((address.hostname or "", address.port or 5672))
    yield proxy
    proxy.cut()


@pytest.fixture
def clients(amqp_url: str, proxy: TcpProxy, monkeypatch: pytest.MonkeyPatch) -> Clients:
    """Clients that reach the broker by the proxy, and wait seconds instead of tens of them."""
    monkeypatch.setattr(connection, "HANDSHAKE_SECONDS", 1)
    monkeypatch.setattr(connection, "HEARTBEAT_SECONDS", 1)
    address = urlsplit(amqp_url)
    return Clients(amqp_url.replace(f":{address.port}/", f":{proxy.port}/"))


@pytest.mark.parametrize("behave", [stay_silent, close_at_once, speak_garbage])
def test_clients_wait_for_a_broker_behind_whatever_answers_in_its_place(
    clients: Clients, proxy: TcpProxy, behave: Behave
) -> None:
    proxy.cut()
    with (
        faulty_listener(proxy.port, behave) as listener,
        supervised(*clients.loops()) as supervisor,
    ):
        # Each of the three has come, and come again.
        eventually(lambda: len(listener.accepted) > 6, PATIENCE_SECONDS)
        assert not clients.are_connected()
        listener.close()
        proxy.restore()
        eventually(clients.are_connected, PATIENCE_SECONDS)
        assert clients.work()
        assert not supervisor.stalled()


def test_clients_give_up_a_frozen_broker_and_find_it_again(
    clients: Clients, proxy: TcpProxy
) -> None:
    with supervised(*clients.loops()):
        eventually(clients.are_connected, PATIENCE_SECONDS)
        assert clients.publisher.publish(request_envelope()).result(PATIENCE_SECONDS) is None
        eventually(lambda: clients.delivered, PATIENCE_SECONDS)
        stale = clients.delivered[0]
        proxy.freeze()
        lost = clients.publisher.publish(request_envelope())
        with pytest.raises(BrokerUnavailableError):
            lost.result(PATIENCE_SECONDS)
        eventually(lambda: not clients.consumer.is_current(stale), PATIENCE_SECONDS)
        eventually(lambda: not clients.listening[-1], PATIENCE_SECONDS)
        proxy.thaw()
        eventually(clients.are_connected, PATIENCE_SECONDS)
        # It comes again; what the broker had delivered to the lost connection is not settled.
        again = eventually(
            lambda: [each for each in clients.delivered[1:] if is_same(each, stale)],
            PATIENCE_SECONDS,
        )
        assert clients.consumer.is_current(again[-1])
        assert clients.work()


def is_same(delivery: Delivery, other: Delivery) -> bool:
    return delivery.correlation_id == other.correlation_id


def test_clients_stop_while_a_broker_is_frozen(clients: Clients, proxy: TcpProxy) -> None:
    with supervised(*clients.loops()) as supervisor:
        eventually(clients.are_connected, PATIENCE_SECONDS)
        proxy.freeze()
        late = clients.publisher.publish(request_envelope())
        assert supervisor.stop("publisher", "consumer", "subscriber", timeout=PATIENCE_SECONDS)
        assert isinstance(late.exception(0), BrokerUnavailableError)
        refused = clients.publisher.publish(request_envelope())
        assert isinstance(refused.exception(0), BrokerUnavailableError)


def test_a_defect_in_a_callback_is_logged_with_its_stack_and_got_over(amqp_url: str) -> None:
    taken: list[Delivery] = []

    def fail_once(delivery: Delivery) -> None:
        taken.append(delivery)
        if len(taken) == 1:
            raise ZeroDivisionError

    consumer = Consumer(amqp_url, "defect", [QUEUE], 1, TOPOLOGY, fail_once)
    with capture_logs() as logs, supervised(consumer.loop(is_drained=lambda: True)):
        vhosts.publish(amqp_url, request_envelope())
        eventually(lambda: len(taken) == 2)
        consumer.settle(taken)
    [failure] = [entry for entry in logs if entry["event"] == "loop_failed"]
    assert (failure["loop"], failure["exc_info"]) == ("consumer", True)


def test_an_event_loop_that_hangs_is_noticed_and_one_that_waits_is_not(amqp_url: str) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def hang(_delivery: Delivery) -> None:
        begun.set()
        go_on.wait(PATIENCE_SECONDS)

    consumer = Consumer(amqp_url, "hanging", [QUEUE], 1, TOPOLOGY, hang)
    with supervised(consumer.loop(is_drained=lambda: True)) as supervisor:
        eventually(lambda: consumer.connected)
        supervisor.note_passing(MAX_SILENCE_SECONDS + 1)
        eventually(lambda: not supervisor.stalled())
        vhosts.publish(amqp_url, request_envelope())
        assert begun.wait(PATIENCE_SECONDS)
        supervisor.note_passing(MAX_SILENCE_SECONDS + 1)
        assert "consumer" in supervisor.stalled()
        go_on.set()
        eventually(lambda: "consumer" not in supervisor.stalled())
