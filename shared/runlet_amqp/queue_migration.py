"""Queues of an older version, whose arguments are not today's: made anew with what they hold.

The arguments of a queue can never be changed, so its messages move to a second queue and back.
"""

from collections.abc import Callable, Collection, Iterator, Mapping

import pika
import structlog
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker
from pika.spec import Basic

from runlet import topology
from runlet_amqp import declaration
from runlet_amqp.declaration import PRECONDITION_FAILED, QUEUE_ARGUMENTS, Topology
from runlet_amqp.errors import broker_errors

log = structlog.get_logger()

SUFFIX = ".migrating"
DELIVERY_COUNT = "x-delivery-count"
# Headers of a message in a second queue: where it was published to, and its delay, if it has one.
EXCHANGE, ROUTING_KEY = "x-runlet-exchange", "x-runlet-routing-key"
EXPIRATION = "x-runlet-expiration"
# The broker counts what is in the hands of consumers every 5 s; twice that, and some more.
COUNT_SECONDS = 12.0
# AMQP's reply code.
NOT_FOUND = 404

CountMessages = Callable[[str], int]


class QueueMigration:
    """Makes outdated queues anew; to be run before the services start, as often as one likes.

    At each moment every message is in a queue: it is acknowledged in one when the broker has
    confirmed it in the other. So a run that breaks off is taken up by the next; the message that
    was between confirm and acknowledgement then comes twice, which the services expect anyway.
    While a service consumes any queue, all are left as they are, and one of whose messages some
    are still out is left, too. `count_messages` counts all messages of a queue, also
    those that a consumer holds or that are being dead-lettered. For one thread.
    """

    def __init__(
        self, connection: pika.BlockingConnection, wanted: Topology, count_messages: CountMessages
    ) -> None:
        self._connection = connection
        self._wanted = wanted
        self._count_messages = count_messages

    def run(self) -> tuple[str, ...]:
        """Migrate what is outdated, and give the names of the queues that were left.

        Raises BrokerUnavailableError when the broker does not answer.
        """
        with broker_errors():
            outdated = tuple(queue for queue in self._wanted.queues if self._is_outdated(queue))
            deleted = () if self._is_in_use() else self._delete_all(outdated)
            in_use = tuple(queue for queue in outdated if queue not in deleted)
            self._declare_all_but(in_use)
            self._bind(in_use)
            for queue in sorted(self._wanted.queues, key=_is_delay):
                if self._exists(queue + SUFFIX):
                    self._move_back(queue)
        return in_use

    def _is_outdated(self, queue: str) -> bool:
        """Whether it is there with other arguments; makes it where there is none."""
        return not self._succeeds(
            lambda channel: channel.queue_declare(queue, durable=True, arguments=QUEUE_ARGUMENTS),
            PRECONDITION_FAILED,
        )

    def _exists(self, queue: str) -> bool:
        return self._succeeds(lambda channel: channel.queue_declare(queue, passive=True), NOT_FOUND)

    def _succeeds(self, ask: Callable[[BlockingChannel], object], expected: int) -> bool:
        channel = self._connection.channel()
        try:
            ask(channel)
        except ChannelClosedByBroker as error:
            if error.reply_code != expected:
                raise
            return False
        channel.close()
        return True

    def _is_in_use(self) -> bool:
        """Whether there are services, perhaps of the older version.

        When they connect again, they declare all of its queues, and are refused where one is new.
        """
        return any(self._has_consumers(queue) for queue in self._wanted.queues)

    def _delete_all(self, outdated: Collection[str]) -> tuple[str, ...]:
        # While delays run out, they need the queues behind them.
        delays = [queue for queue in outdated if _is_delay(queue)]
        others = [queue for queue in outdated if not _is_delay(queue)]
        return (*self._delete(delays), *self._delete(others))

    def _delete(self, queues: Collection[str]) -> list[str]:
        """Move the messages of queues away, and delete those that are empty then."""
        for queue in queues:
            self._close_off(queue)
        if queues:
            self._connection.sleep(COUNT_SECONDS)
        return [queue for queue in queues if self._delete_empty(queue)]

    def _close_off(self, queue: str) -> None:
        self._unbind(queue)
        self._move_away(queue)

    def _delete_empty(self, queue: str) -> bool:
        """Delete a queue that holds nothing; whether it did.

        A service may have bound it again in the meantime, and a message may have come.
        """
        if self._count_messages(queue):
            return False
        self._close_off(queue)
        with self._connection.channel() as channel:
            found = channel.queue_declare(queue, passive=True).method
            if found.message_count or found.consumer_count:
                return False
            channel.queue_delete(queue)
        return True

    def _has_consumers(self, queue: str) -> bool:
        with self._connection.channel() as channel:
            return bool(channel.queue_declare(queue, passive=True).method.consumer_count)

    def _unbind(self, queue: str) -> None:
        """Let nothing more in: publishers learn that their message has no queue, and keep it."""
        with self._connection.channel() as channel:
            for binding in self._wanted.bindings:
                if binding.queue == queue:
                    for arguments in (dict(binding.arguments), _older(binding.arguments)):
                        channel.queue_unbind(
                            queue, binding.exchange, binding.routing_key, arguments
                        )

    def _move_away(self, queue: str) -> None:
        """Move messages into a second queue, with a note of where they were published to."""
        with self._connection.channel() as channel:
            channel.confirm_delivery()
            channel.queue_declare(queue + SUFFIX, durable=True, arguments=QUEUE_ARGUMENTS)
            for method, properties, body in _messages(channel, queue):
                origin = {EXCHANGE: method.exchange, ROUTING_KEY: method.routing_key}
                properties.headers = {**(properties.headers or {}), **origin}
                _keep_delivery_count(properties.headers)
                # A second queue keeps everything.
                if properties.expiration is not None:
                    properties.headers[EXPIRATION] = properties.expiration
                    properties.expiration = None
                _publish(channel, "", queue + SUFFIX, properties, body)
                channel.basic_ack(method.delivery_tag)

    def _move_back(self, queue: str) -> None:
        """Publish messages again as they were: a delay passes the routing key on."""
        moved = 0
        with self._connection.channel() as channel:
            channel.confirm_delivery()
            for method, properties, body in _messages(channel, queue + SUFFIX):
                exchange = properties.headers.pop(EXCHANGE)
                routing_key = properties.headers.pop(ROUTING_KEY)
                properties.expiration = properties.headers.pop(EXPIRATION, None)
                _publish(channel, exchange, routing_key, properties, body)
                channel.basic_ack(method.delivery_tag)
                moved += 1
            channel.queue_delete(queue + SUFFIX)
        log.info("queue_migrated", queue=queue, messages=moved)

    def _declare_all_but(self, left: Collection[str]) -> None:
        wanted = self._wanted
        for queue in left:
            wanted = wanted.without_queue(queue)
        with self._connection.channel() as channel:
            declaration.declare(channel, wanted)

    def _bind(self, queues: Collection[str]) -> None:
        """Let messages into queues again that are left as they are."""
        bindings = tuple(each for each in self._wanted.bindings if each.queue in queues)
        with self._connection.channel() as channel:
            declaration.declare(channel, Topology(bindings=bindings))


def _messages(
    channel: BlockingChannel, queue: str
) -> Iterator[tuple[Basic.GetOk, pika.BasicProperties, bytes]]:
    while True:
        method, properties, body = channel.basic_get(queue)
        if method is None or properties is None or body is None:
            return
        yield method, properties, body


def _publish(
    channel: BlockingChannel,
    exchange: str,
    routing_key: str,
    properties: pika.BasicProperties,
    body: bytes,
) -> None:
    """Return when the broker has it; raises UnroutableError or NackError when it has not."""
    # The broker counts anew; what it wrote before would be taken for its count.
    properties.headers.pop(DELIVERY_COUNT, None)
    channel.basic_publish(exchange, routing_key, body, properties, mandatory=True)


def _keep_delivery_count(headers: dict[str, object]) -> None:
    """Note how often a message was delivered in vain, which the broker forgets with its queue."""
    counts = (headers.get(DELIVERY_COUNT), headers.get(topology.EARLIER_DELIVERIES_HEADER))
    if deliveries := sum(each for each in counts if isinstance(each, int)):
        headers[topology.EARLIER_DELIVERIES_HEADER] = deliveries


def _is_delay(queue: str) -> bool:
    return queue.startswith((f"{topology.RETRY}.", f"{topology.CALLBACKS_QUEUE}.retry."))


def _older(arguments: Mapping[str, object]) -> dict[str, object]:
    """What the binding of a delay queue looked like once."""
    return {**arguments, "x-match": "all"} if arguments else {}
