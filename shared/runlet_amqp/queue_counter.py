"""Asking how much waits in a queue: the one way to do it."""

from contextlib import suppress
from dataclasses import dataclass

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker

from runlet_amqp import declaration
from runlet_amqp.connection import connect
from runlet_amqp.declaration import Topology
from runlet_amqp.errors import BrokerUnavailableError, broker_errors
from runlet_amqp.settings import BrokerSettings

# AMQP's reply code.
NOT_FOUND = 404


@dataclass(frozen=True)
class QueueCounts:
    """Messages that are ready, not counting those on their way to a consumer, and consumers."""

    messages: int
    consumers: int


class QueueCounter:
    """Counts over a connection of its own, which stays open between counts; for one thread.

    Nothing answers heartbeats between counts: where they come rarely, the broker closes the
    connection, and the next count opens another. The topology is declared with each connection,
    and when a queue was found deleted.
    """

    def __init__(self, broker: BrokerSettings | str, name: str, topology: Topology) -> None:
        self._broker = broker
        self._name = name
        self._topology = topology
        self._connection: pika.BlockingConnection | None = None
        self._channel: BlockingChannel | None = None

    def count(self, queue: str) -> QueueCounts:
        """Count once; a queue that was deleted is put back, and is empty.

        Raises BrokerUnavailableError when the broker does not answer, at the latest after the time
        that connecting takes, or three heartbeats.
        """
        try:
            with broker_errors():
                return self._count(queue)
        except BrokerUnavailableError:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection, if there is one; the next count opens another."""
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None and connection.is_open:
            with suppress(BrokerUnavailableError), broker_errors():
                connection.close()

    def _count(self, queue: str) -> QueueCounts:
        try:
            return self._look(queue)
        except ChannelClosedByBroker as error:
            if error.reply_code != NOT_FOUND:
                raise
            self._channel = None
            return self._look(queue)

    def _look(self, queue: str) -> QueueCounts:
        if self._channel is None or not self._still_open():
            self._channel = self._open_channel()
        found = self._channel.queue_declare(queue, passive=True).method
        return QueueCounts(found.message_count, found.consumer_count)

    def _still_open(self) -> bool:
        """Take in what came since the last count, which may be the end of the connection."""
        with suppress(BrokerUnavailableError), broker_errors():
            if self._connection is not None:
                self._connection.process_data_events(0)
                return True
        self.close()
        return False

    def _open_channel(self) -> BlockingChannel:
        if self._connection is None or not self._connection.is_open:
            self._connection = connect(self._broker, self._name)
        channel = self._connection.channel()
        try:
            declaration.declare(channel, self._topology)
        except ChannelClosedByBroker as error:
            queue = declaration.outdated_queue(error)
            if queue is None:
                raise
            self._topology = self._topology.without_queue(queue)
            return self._open_channel()
        return channel
