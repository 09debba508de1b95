"""Consuming: deliveries out to worker threads, acknowledgements back to the connection's thread."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pika
import structlog
from pika.adapters.blocking_connection import BlockingChannel
from pika.spec import Basic

from runlet.broker.connection import CONNECTION_ERRORS, Backoff, connect
from runlet.broker.settings import BrokerSettings
from runlet.lifecycle import StopSignal

log = structlog.get_logger()

LOOP_SECONDS = 0.5
ARRIVAL_SECONDS = 0.1
DRAIN_LOOP_SECONDS = 0.05


@dataclass(frozen=True)
class Delivery:
    """A message as it came. `epoch` numbers the connection it came by: tags are only good there."""

    queue: str
    tag: int
    epoch: int
    type: str | None
    body: bytes
    correlation_id: str | None
    headers: dict[str, object]

    @property
    def traceparent(self) -> str | None:
        """The trace this message belongs to."""
        value = self.headers.get("traceparent")
        return value if isinstance(value, str) else None

    def following(self, traceparent: str) -> "Delivery":
        """The same message, as a part of the step with this `traceparent`."""
        return replace(self, headers={**self.headers, "traceparent": traceparent})

    @property
    def earlier_deliveries(self) -> int:
        """How often the message was delivered before and came back, as quorum queues count it."""
        value = self.headers.get("x-delivery-count", 0)
        return value if isinstance(value, int) else 0


class Consumer:
    """Consumes queues on the thread that calls `run`, which owns the connection.

    That thread only moves messages, so heartbeats are answered however long a message takes.
    `settle` may be called from any thread; what a lost connection had delivered is not settled,
    because the broker has given it to somebody else already.
    """

    def __init__(
        self,
        broker: BrokerSettings | str,
        name: str,
        queues: Sequence[str],
        prefetch: int,
        declare: Callable[[BlockingChannel], None],
        on_delivery: Callable[[Delivery], None],
    ) -> None:
        self._broker = broker
        self._name = name
        self._queues = queues
        self._prefetch = prefetch
        self._declare = declare
        self._on_delivery = on_delivery
        self._epoch = 0
        self._connection: pika.BlockingConnection | None = None
        self._channel: BlockingChannel | None = None
        self._held: list[Delivery] | None = None

    @property
    def connected(self) -> bool:
        """Whether messages can arrive now."""
        return self._channel is not None

    def run(self, stop: StopSignal, is_drained: Callable[[], bool]) -> None:
        """Consume until `stop` is set, reconnecting as needed.

        Then no more deliveries are taken, and acknowledgements still travel until `is_drained`
        says that the work in hand is over; what was not acknowledged goes back to its queue.
        """
        backoff = Backoff()
        while not stop.is_set():
            try:
                with connect(self._broker, self._name) as connection:
                    self._serve(connection, backoff, stop, is_drained)
            except CONNECTION_ERRORS as error:
                log.warning("broker_connection_lost", connection=self._name, error=repr(error))
            finally:
                self._connection = self._channel = None
            stop.wait(backoff.next_delay())

    def holds(self, delivery: Delivery) -> bool:
        """Whether a delivery can be settled; what a lost connection had delivered comes again."""
        return self._channel is not None and self._is_current(delivery)

    def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge deliveries; they will not come again."""
        self._on_connection_thread(lambda: self._acknowledge(deliveries))

    def requeue(self, delivery: Delivery) -> None:
        """Put a delivery back into its queue, which counts it as one more failed delivery."""
        self._on_connection_thread(lambda: self._requeue(delivery))

    def _on_connection_thread(self, callback: Callable[[], None]) -> None:
        connection = self._connection
        if connection is None:
            return
        try:
            connection.add_callback_threadsafe(callback)
        except CONNECTION_ERRORS:
            log.warning("settlement_lost", connection=self._name)

    def _acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        if self._held is not None:
            self._held.extend(deliveries)
            return
        for delivery in deliveries:
            if self._is_current(delivery) and self._channel is not None:
                self._channel.basic_ack(delivery.tag)

    def _requeue(self, delivery: Delivery) -> None:
        if self._is_current(delivery) and self._channel is not None:
            self._channel.basic_nack(delivery.tag, requeue=True)

    def _is_current(self, delivery: Delivery) -> bool:
        return delivery.epoch == self._epoch

    def _serve(
        self,
        connection: pika.BlockingConnection,
        backoff: Backoff,
        stop: StopSignal,
        is_drained: Callable[[], bool],
    ) -> None:
        channel = connection.channel()
        self._declare(channel)
        channel.basic_qos(prefetch_count=self._prefetch)
        self._epoch += 1
        self._connection, self._channel = connection, channel
        tags = [self._subscribe(channel, queue) for queue in self._queues]
        backoff.reset()
        log.info("broker_connected", connection=self._name)
        while not stop.is_set():
            connection.process_data_events(time_limit=LOOP_SECONDS)
        self._cancel(connection, channel, tags)
        while not is_drained():
            connection.process_data_events(time_limit=DRAIN_LOOP_SECONDS)
        self._finish_settling(connection)

    def _finish_settling(self, connection: pika.BlockingConnection) -> None:
        """Carry out what other threads have asked for: pika may leave that for a later turn."""
        is_last = threading.Event()
        connection.add_callback_threadsafe(is_last.set)
        while not is_last.is_set():
            connection.process_data_events(time_limit=DRAIN_LOOP_SECONDS)

    def _cancel(
        self, connection: pika.BlockingConnection, channel: BlockingChannel, tags: Sequence[str]
    ) -> None:
        """Take no more deliveries.

        What crosses the cancelling on its way here goes back to its queue, which counts that as a
        failure of the message. So nothing is acknowledged for a moment before: with all that may be
        unacknowledged here already, nothing is on its way.
        """
        held = self._held = []
        deadline = time.monotonic() + ARRIVAL_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            connection.process_data_events(time_limit=left)
        for tag in tags:
            channel.basic_cancel(tag)
        self._held = None
        self._acknowledge(held)

    def _subscribe(self, channel: BlockingChannel, queue: str) -> str:
        epoch = self._epoch

        def receive(
            _channel: BlockingChannel,
            method: Basic.Deliver,
            properties: pika.BasicProperties,
            body: bytes,
        ) -> None:
            self._on_delivery(
                Delivery(
                    queue=queue,
                    tag=method.delivery_tag,
                    epoch=epoch,
                    type=properties.type,
                    body=body,
                    correlation_id=properties.correlation_id,
                    headers=properties.headers or {},
                )
            )

        tag: str = channel.basic_consume(queue, receive)
        return tag
