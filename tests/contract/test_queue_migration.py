"""A broker with the queues of an older version comes up under this one, and nothing is lost."""

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from typing import Any
from uuid import uuid4

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from runlet import topology
from runlet_amqp import envelopes, queue_migration
from runlet_amqp.connection import connect
from runlet_amqp.consumer import Consumer, Delivery
from runlet_amqp.errors import BrokerUnavailableError
from runlet_amqp.policies import create_policies
from runlet_amqp.prepare_broker import LOCK, Config, prepare
from runlet_amqp.publisher import Publisher
from runlet_amqp.queue_counter import QueueCounter
from runlet_amqp.queue_migration import QueueMigration
from support.broker import older_topology, vhosts
from support.broker.vhosts import TOPOLOGY
from support.loops import supervised
from support.sandboxes.runners import run_request
from support.wait_until import eventually

RUNS, RESULTS, DEAD = "runs.python", "results.collector", "runs.dead"
# Too long to run out in a test.
DELAYED, CALLBACKS_DEAD = "callbacks.retry.1800s", "callbacks.dead"
DELAY_MS = "1800000"
FILLED = (RUNS, "runs.go", RESULTS, DEAD, DELAYED, CALLBACKS_DEAD)
EACH = 5


class CrashError(Exception):
    """The process ended here."""


@pytest.fixture
def filled(amqp_url: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """The ids of the messages in each queue of an older version."""
    monkeypatch.setattr(queue_migration, "COUNT_SECONDS", 0.0)
    ids = {queue: [uuid4().hex for _ in range(EACH)] for queue in FILLED}
    with connect(amqp_url, "older") as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        older_topology.declare(channel)
        for queue, messages in ids.items():
            expiration = DELAY_MS if queue == DELAYED else None
            for message in messages:
                properties = pika.BasicProperties(
                    message_id=message, delivery_mode=2, expiration=expiration
                )
                channel.basic_publish("", queue, message.encode(), properties)
    return ids


def config_for(amqp_url: str) -> Config:
    address = vhosts.management_of(amqp_url).url
    return Config(amqp_url=amqp_url, rabbitmq_management_address=address)


def migrate(amqp_url: str) -> tuple[str, ...]:
    with connect(amqp_url, "migration") as connection:
        return QueueMigration(connection, TOPOLOGY, ready_messages(connection)).run()


def ready_messages(connection: pika.BlockingConnection) -> Callable[[str], int]:
    """Counts at once what the management API counts some seconds later."""

    def count(queue: str) -> int:
        with connection.channel() as channel:
            return int(channel.queue_declare(queue, passive=True).method.message_count)

    return count


def contents(amqp_url: str) -> dict[str, list[str]]:
    """What is in the queues of this version, in their order; takes it out."""
    found: dict[str, list[str]] = {}
    with vhosts.open_channel(amqp_url) as channel:
        for queue in FILLED:
            while (got := channel.basic_get(queue, auto_ack=True))[0] is not None:
                found.setdefault(queue, []).append(got[2].decode())
    return found


def names(amqp_url: str) -> set[str]:
    vhost = vhosts.management_of(amqp_url).vhost
    return {each["name"] for each in vhosts.manage_json(f"/api/queues/{vhost}")}


def test_every_message_is_in_its_queue_once_and_in_order(
    amqp_url: str, filled: dict[str, list[str]]
) -> None:
    assert migrate(amqp_url) == ()

    assert contents(amqp_url) == filled
    assert names(amqp_url) == set(TOPOLOGY.queues)


def test_a_delay_goes_on_in_the_new_queue_only(
    amqp_url: str, filled: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    crash_before_acknowledging(monkeypatch, EACH)
    with pytest.raises(CrashError):
        migrate(amqp_url)
    monkeypatch.undo()
    monkeypatch.setattr(queue_migration, "COUNT_SECONDS", 0.0)
    with connect(amqp_url, "look") as connection:
        channel = connection.channel()
        _method, properties, _body = channel.basic_get(DELAYED + queue_migration.SUFFIX)
        assert properties.expiration is None

    assert migrate(amqp_url) == ()

    with connect(amqp_url, "look") as connection:
        _method, properties, _body = connection.channel().basic_get(DELAYED)
        assert properties.expiration == DELAY_MS
        assert queue_migration.EXPIRATION not in properties.headers


def test_a_second_run_changes_nothing(amqp_url: str, filled: dict[str, list[str]]) -> None:
    migrate(amqp_url)

    assert migrate(amqp_url) == ()
    assert contents(amqp_url) == filled


@pytest.mark.parametrize("confirmed", [1, EACH + 1, 3 * EACH, 5 * EACH])
def test_a_run_that_broke_off_is_taken_up_by_the_next(
    amqp_url: str,
    filled: dict[str, list[str]],
    monkeypatch: pytest.MonkeyPatch,
    confirmed: int,
) -> None:
    """At the worst moment: the broker has a message in the second queue, and still in the first."""
    crash_before_acknowledging(monkeypatch, confirmed)
    with pytest.raises(CrashError):
        migrate(amqp_url)
    monkeypatch.undo()
    monkeypatch.setattr(queue_migration, "COUNT_SECONDS", 0.0)

    assert migrate(amqp_url) == ()

    found = contents(amqp_url)
    assert {queue: set(messages) for queue, messages in found.items()} == {
        queue: set(messages) for queue, messages in filled.items()
    }
    times = Counter(message for messages in found.values() for message in messages)
    assert sorted(times.values())[:-1] == [1] * (len(FILLED) * EACH - 1)
    assert max(times.values()) <= 2
    assert names(amqp_url) == set(TOPOLOGY.queues)


def crash_before_acknowledging(monkeypatch: pytest.MonkeyPatch, confirmed: int) -> None:
    acknowledge, count = BlockingChannel.basic_ack, 0

    def crash(channel: BlockingChannel, *arguments: Any, **named: Any) -> None:
        nonlocal count
        count += 1
        if count == confirmed:
            raise CrashError
        acknowledge(channel, *arguments, **named)

    monkeypatch.setattr(BlockingChannel, "basic_ack", crash)


def test_a_crash_before_an_emptied_queue_is_deleted_loses_nothing(
    amqp_url: str, filled: dict[str, list[str]]
) -> None:
    def crash(_queue: str) -> int:
        raise CrashError

    with connect(amqp_url, "migration") as connection, pytest.raises(CrashError):
        QueueMigration(connection, TOPOLOGY, crash).run()

    assert migrate(amqp_url) == ()
    assert contents(amqp_url) == filled


def outdated() -> set[str]:
    """The queues whose arguments differ from today's."""
    return {name for name, each in older_topology.arguments().items() if len(each) > 1}


@pytest.mark.parametrize("in_use", [RUNS, RESULTS])
def test_nothing_is_migrated_under_a_service_of_the_older_version(
    amqp_url: str, filled: dict[str, list[str]], in_use: str
) -> None:
    """It declares all of its queues when it connects again."""
    with connect(amqp_url, "older") as connection:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=1)
        channel.basic_consume(in_use, lambda *_delivery: None)

        assert set(migrate(amqp_url)) == outdated()
        older_topology.declare(connection.channel())
    assert migrate(amqp_url) == ()
    assert contents(amqp_url) == filled


def test_what_comes_into_a_queue_before_it_is_deleted_is_kept(
    amqp_url: str, filled: dict[str, list[str]]
) -> None:
    """A service of the older version connects and publishes, when all were found empty."""
    with connect(amqp_url, "migration") as connection, connect(amqp_url, "older") as older:

        def count_and_refill(queue: str) -> int:
            if queue == RUNS:
                channel = older.channel()
                channel.queue_bind(RUNS, topology.RUNS, "python")
                channel.confirm_delivery()
                properties = pika.BasicProperties(delivery_mode=2)
                channel.basic_publish(topology.RUNS, "python", b"late", properties, mandatory=True)
            return 0

        assert QueueMigration(connection, TOPOLOGY, count_and_refill).run() == ()

    filled[RUNS].append("late")
    assert contents(amqp_url) == filled


def test_a_queue_that_found_a_consumer_before_it_is_deleted_stays(
    amqp_url: str, filled: dict[str, list[str]]
) -> None:
    with connect(amqp_url, "migration") as connection, connect(amqp_url, "older") as older:

        def count_and_consume(queue: str) -> int:
            if queue == RUNS:
                older.channel().basic_consume(RUNS, lambda *_delivery: None)
            return 0

        assert QueueMigration(connection, TOPOLOGY, count_and_consume).run() == (RUNS,)
    assert migrate(amqp_url) == ()
    assert contents(amqp_url) == filled


def test_deliveries_in_vain_are_still_counted_after_a_migration(
    amqp_url: str, filled: dict[str, list[str]]
) -> None:
    with connect(amqp_url, "older runner") as connection:
        channel = connection.channel()
        for _ in range(2):
            method, _properties, _body = channel.basic_get(RUNS)
            channel.basic_nack(method.delivery_tag, requeue=True)
    migrate(amqp_url)

    taken: list[Delivery] = []
    consumer = Consumer(amqp_url, "new", [RUNS], EACH, TOPOLOGY, taken.append)
    with supervised(consumer.loop(is_drained=lambda: True)):
        eventually(lambda: len(taken) == EACH, 120)
    counts = {each.body.decode(): each.earlier_deliveries for each in taken}
    assert counts[filled[RUNS][0]] == 2


def test_queues_that_services_find_outdated_are_not_bound_by_them() -> None:
    left = TOPOLOGY.without_queue(RUNS)
    assert RUNS not in left.queues
    assert RUNS not in {each.queue for each in left.bindings}
    assert len(left.queues) == len(TOPOLOGY.queues) - 1


def test_nothing_is_migrated_while_a_former_consumer_still_holds_a_message(
    amqp_url: str, filled: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    config = config_for(amqp_url)
    with connect(amqp_url, "older runner") as connection:
        held, _properties, _body = connection.channel().basic_get(RUNS)
        assert held

        assert set(prepare(config, create_policies())) == outdated()
        connection.process_data_events(0)
    assert prepare(config, create_policies()) == ()
    found = contents(amqp_url)
    assert {queue: sorted(messages) for queue, messages in found.items()} == {
        queue: sorted(messages) for queue, messages in filled.items()
    }


def test_a_broker_is_prepared_by_one_at_a_time(amqp_url: str) -> None:
    config = config_for(amqp_url)
    with connect(amqp_url, "another") as another:
        another.channel().queue_declare(LOCK, exclusive=True)
        with pytest.raises(BrokerUnavailableError, match="RESOURCE_LOCKED"):
            prepare(config, create_policies())
    assert prepare(config, create_policies()) == ()


def test_services_work_with_queues_that_could_not_be_migrated_yet(
    amqp_url: str, filled: dict[str, list[str]]
) -> None:
    taken: list[Delivery] = []
    publisher = Publisher(amqp_url, "new", TOPOLOGY)
    consumer = Consumer(amqp_url, "new", [RUNS], EACH + 1, TOPOLOGY, taken.append)
    with (
        supervised(publisher.loop(), consumer.loop(is_drained=lambda: True)),
        closing(QueueCounter(amqp_url, "new", TOPOLOGY)) as counter,
    ):
        assert publisher.wait_until_connected(120)
        publisher.publish(envelopes.run_request(run_request("print(1)"), None)).result(120)
        eventually(lambda: len(taken) == EACH + 1, 120)
        assert [each.body.decode() for each in taken[:EACH]] == filled[RUNS]
        assert counter.count("runs.go").messages == EACH


def test_a_request_that_waits_for_its_next_try_comes_to_its_runners(amqp_url: str) -> None:
    with connect(amqp_url, "older") as connection:
        channel = connection.channel()
        older_topology.declare(channel)
        properties = pika.BasicProperties(
            headers={topology.DELAY_HEADER: 8}, correlation_id="a run", delivery_mode=2
        )
        channel.basic_publish(topology.RETRY, "python", b"a request", properties)
    migrate(amqp_url)

    [(properties, body)] = vhosts.take(amqp_url, RUNS, 1)
    assert body == b"a request"
    assert not {queue_migration.EXCHANGE, queue_migration.ROUTING_KEY} & set(properties.headers)
