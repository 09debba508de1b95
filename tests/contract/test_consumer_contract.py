"""What the consumer and the broker make of messages when things go wrong."""

import subprocess
import sys
import threading
from collections.abc import Sequence

import pytest

from runlet import topology
from runlet_amqp import connection, envelopes
from runlet_amqp.consumer import Consumer, Delivery
from runlet_amqp.publisher import Publisher
from runner.consume.event_publisher import EventPublisher
from runner.consume.return_unstarted import UnstartedReturn
from runner.consume.worker_threads import WorkerThreads
from support.broker import vhosts
from support.broker.vhosts import TOPOLOGY
from support.loops import supervised
from support.sandboxes.runners import python_environment, run_request
from support.wait_until import eventually

QUEUE = topology.run_queue("python")
MANY = 400


def test_a_message_that_kills_whoever_takes_it_ends_in_the_dead_letters(amqp_url: str) -> None:
    request = run_request("print(1)")
    vhosts.publish(amqp_url, envelopes.run_request(request, None))

    for _ in range(topology.DELIVERY_LIMIT + 1):
        died = subprocess.run(
            [sys.executable, "-m", "support.broker.fatal_consumer", amqp_url, QUEUE],
            env=python_environment(),
            timeout=120,
            check=False,
        )
        assert died.returncode == -9

    ((properties, _body),) = vhosts.take(amqp_url, topology.DEAD_QUEUE, 1)
    assert properties.correlation_id == str(request.execution_id)
    assert properties.headers["x-death"][0]["reason"] == "delivery_limit"
    assert vhosts.depth(amqp_url, QUEUE) == 0


def test_heartbeats_are_answered_while_a_message_takes_long(
    amqp_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "HEARTBEAT_SECONDS", 1)
    taken: list[Delivery] = []
    consumer = Consumer(amqp_url, "patient", [QUEUE], 1, TOPOLOGY, taken.append)
    with supervised(consumer.loop(is_drained=lambda: True)):
        vhosts.publish(amqp_url, envelopes.run_request(run_request("print(1)"), None))
        eventually(lambda: taken)
        # More silent heartbeats than the broker bears.
        assert not threading.Event().wait(4)
        assert consumer.is_current(taken[0])
        consumer.settle(taken)

    assert len(taken) == 1
    assert vhosts.depth(amqp_url, QUEUE) == 0


def test_no_message_that_a_stopping_consumer_never_began_counts_as_failed(amqp_url: str) -> None:
    """Also not what was on its way to it, under a backlog that keeps all deliveries busy."""
    requests = [run_request("print(1)") for _ in range(MANY)]
    stop = threading.Event()
    worked: list[str | None] = []

    def work(delivery: Delivery) -> None:
        worked.append(delivery.correlation_id)
        if len(worked) >= 20:
            stop.set()
        settle([delivery])

    def settle(deliveries: Sequence[Delivery]) -> None:
        consumer.settle(deliveries)

    def is_drained() -> bool:
        slots.close()
        return slots.are_idle()

    publisher = Publisher(amqp_url, "stopping", TOPOLOGY)
    slots = WorkerThreads(
        2,
        lambda delivery: consumer.is_current(delivery),
        work,
        never_given_up,
        UnstartedReturn(EventPublisher(publisher), settle),
    )
    consumer = Consumer(amqp_url, "stopping", [QUEUE], 5, TOPOLOGY, slots.accept)
    vhosts.publish(amqp_url, *(envelopes.run_request(each, None) for each in requests))

    with supervised(publisher.loop(), *slots.loops()) as supervisor:
        assert publisher.wait_until_connected(120)
        supervisor.start(consumer.loop(is_drained))
        assert stop.wait(20)
        assert supervisor.stop("consumer", timeout=120)

    left = vhosts.take(amqp_url, QUEUE, MANY - len(worked))
    ids = [properties.correlation_id for properties, _body in left]
    assert sorted(ids + worked) == sorted(str(each.execution_id) for each in requests)
    assert all("x-delivery-count" not in properties.headers for properties, _body in left)


def test_what_is_settled_at_the_last_moment_does_not_come_again(amqp_url: str) -> None:
    taken: list[Delivery] = []
    consumer = Consumer(amqp_url, "late", [QUEUE], MANY, TOPOLOGY, taken.append)

    def settle_and_be_drained() -> bool:
        consumer.settle(taken)
        return True

    with supervised(consumer.loop(settle_and_be_drained)):
        for _ in range(20):
            vhosts.publish(amqp_url, envelopes.run_request(run_request("print(1)"), None))
        eventually(lambda: len(taken) == 20)

    assert vhosts.depth(amqp_url, QUEUE) == 0


def never_given_up(delivery: Delivery) -> None:
    pytest.fail(f"{delivery.correlation_id} was given up.")


def test_a_consumer_whose_queue_was_deleted_puts_it_back_and_consumes_on(amqp_url: str) -> None:
    taken: list[Delivery] = []
    consumer = Consumer(amqp_url, "deprived", [QUEUE], 1, TOPOLOGY, taken.append)
    with supervised(consumer.loop(is_drained=lambda: True)):
        vhosts.publish(amqp_url, envelopes.run_request(run_request("print(1)"), None))
        eventually(lambda: taken)
        first = taken[0]
        with connection.connect(amqp_url, "test") as other:
            other.channel().queue_delete(QUEUE)
        eventually(lambda: consumer.connected and not consumer.is_current(first))
        vhosts.publish(amqp_url, envelopes.run_request(run_request("print(2)"), None))
        eventually(lambda: len(taken) == 2)
        consumer.settle(taken)
