"""Consuming: deliveries out to worker threads, acknowledgements back to the connection's thread."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import pika
from pika.channel import Channel
from pika.spec import Basic

from runlet.topology import EARLIER_DELIVERIES_HEADER
from runlet_amqp.declaration import Topology
from runlet_amqp.event_loop_connection import (
    EventLoopConnection,
    ignore_reply,
    keep_connected,
    queue_deleted,
)
from runlet_amqp.settings import BrokerSettings
from runlet_telemetry.supervision import Loop, LoopContext

ARRIVAL_SECONDS = 0.1
DRAIN_LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class Delivery:
    """A message as it came.

    `connection_generation` numbers the connection it came by: tags are only good there.
    """

    queue: str
    tag: int
    connection_generation: int
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
        counted = map(self.headers.get, ("x-delivery-count", EARLIER_DELIVERIES_HEADER))
        return sum(value for value in counted if isinstance(value, int))


class Consumer:
    """Consumes queues over one connection, which its loop owns.

    The loop only moves messages, so heartbeats are answered however long a message takes.
    `on_delivery` is called by its thread and must not wait. The other methods may be called by any
    thread; what a lost connection had delivered is not settled, because the broker has given it to
    another consumer already.
    """

    def __init__(
        self,
        broker: BrokerSettings | str,
        name: str,
        queues: Sequence[str],
        prefetch: int,
        topology: Topology,
        on_delivery: Callable[[Delivery], None],
    ) -> None:
        self._broker = broker
        self._name = name
        self._queues = queues
        self._prefetch = prefetch
        self._topology = topology
        self._on_delivery = on_delivery
        self._generation = 0
        self._connection: EventLoopConnection | None = None
        self._channel: Channel | None = None
        self._stop: GracefulStop | None = None
        self._held: list[Delivery] | None = None

    def loop(self, is_drained: Callable[[], bool], name: str = "consumer") -> Loop:
        """What a Supervisor runs.

        When it is stopped, no more deliveries are taken, and acknowledgements still travel until
        `is_drained` says that the work in hand is over: its thread asks that again and again, and
        it must not wait. What was not acknowledged then goes back to its queue.
        """
        return Loop(name, partial(self._run, is_drained), self._wake)

    @property
    def connected(self) -> bool:
        """Whether messages can arrive now."""
        return self._channel is not None

    def is_current(self, delivery: Delivery) -> bool:
        """Whether a delivery can be settled; what a lost connection had delivered comes again.

        Cheap, and true or false whatever else is away: ask it before work begins, and drop what is
        not current.
        """
        return self._channel is not None and self._is_of_this_connection(delivery)

    def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge deliveries; they will not come again."""
        self._on_connection_thread(lambda: self._acknowledge(deliveries))

    def requeue(self, delivery: Delivery) -> None:
        """Put a delivery back into its queue, which counts it as one more failed delivery."""
        self._on_connection_thread(lambda: self._requeue(delivery))

    def _on_connection_thread(self, callback: Callable[[], None]) -> None:
        connection = self._connection
        if connection is not None:
            connection.call_soon_threadsafe(callback)

    def _acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        if self._held is not None:
            self._held.extend(deliveries)
            return
        for delivery in deliveries:
            if channel := self._channel_of(delivery):
                channel.basic_ack(delivery.tag)

    def _requeue(self, delivery: Delivery) -> None:
        if channel := self._channel_of(delivery):
            channel.basic_nack(delivery.tag, requeue=True)

    def _channel_of(self, delivery: Delivery) -> Channel | None:
        """Where a delivery can be settled; nowhere once its connection ends."""
        channel = self._channel
        is_open = channel is not None and channel.is_open
        return channel if is_open and self._is_of_this_connection(delivery) else None

    def _is_of_this_connection(self, delivery: Delivery) -> bool:
        return delivery.connection_generation == self._generation

    def _run(self, is_drained: Callable[[], bool], context: LoopContext) -> None:
        keep_connected(
            self._broker,
            self._name,
            self._topology,
            context,
            use=partial(self._consume, context, is_drained),
            on_lost=self._disconnect,
        )

    def _wake(self) -> None:
        stop = self._stop
        if stop is not None:
            self._on_connection_thread(stop.begin_if_asked)

    def _disconnect(self) -> None:
        self._connection = self._channel = self._stop = self._held = None

    def _consume(
        self,
        context: LoopContext,
        is_drained: Callable[[], bool],
        connection: EventLoopConnection,
        channel: Channel,
    ) -> None:
        self._generation += 1
        stop = GracefulStop(connection, channel, context, is_drained, self._hold, self._release)
        channel.add_on_cancel_callback(lambda _frame: connection.fail(queue_deleted(self._name)))
        channel.basic_qos(prefetch_count=self._prefetch, callback=ignore_reply)
        on_consuming = connection.guard(partial(self._note_consuming, connection, channel, stop))
        receivers = {queue: connection.guard(self._receiver(queue, stop)) for queue in self._queues}
        *others, last = receivers
        tags = [
            channel.basic_consume(queue, receivers[queue], callback=ignore_reply)
            for queue in others
        ]
        tags.append(channel.basic_consume(last, receivers[last], callback=on_consuming))
        stop.tags.update(tags)
        # Deliveries come, and may be settled, before the last queue is consumed.
        self._connection, self._channel, self._stop = connection, channel, stop

    def _note_consuming(
        self,
        connection: EventLoopConnection,
        channel: Channel,
        stop: "GracefulStop",
        _answer: object,
    ) -> None:
        connection.mark_ready()
        stop.begin_if_asked()

    def _hold(self) -> None:
        self._held = []

    def _release(self) -> None:
        held, self._held = self._held, None
        self._acknowledge(held or ())

    def _receiver(self, queue: str, stop: "GracefulStop") -> "Receive":
        generation = self._generation

        def receive(
            _channel: Channel, method: Basic.Deliver, properties: pika.BasicProperties, body: bytes
        ) -> None:
            self._on_delivery(
                Delivery(
                    queue=queue,
                    tag=method.delivery_tag,
                    connection_generation=generation,
                    type=properties.type,
                    body=body,
                    correlation_id=properties.correlation_id,
                    headers=properties.headers or {},
                )
            )
            stop.begin_if_asked()

        return receive


Receive = Callable[[Channel, Basic.Deliver, pika.BasicProperties, bytes], None]


class GracefulStop:
    """How a consumer stops, step by step, on the thread of its connection.

    What crosses the cancelling on its way here goes back to its queue, which counts that as a
    failure of the message. So nothing is acknowledged for a moment before: with all that may be
    unacknowledged here already, nothing is on its way.
    """

    def __init__(
        self,
        connection: EventLoopConnection,
        channel: Channel,
        context: LoopContext,
        is_drained: Callable[[], bool],
        hold: Callable[[], None],
        release: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._channel = channel
        self._context = context
        self._is_drained = is_drained
        self._hold = hold
        self._release = release
        self._has_begun = False
        self.tags: set[str] = set()

    def begin_if_asked(self) -> None:
        """Begin to stop, once, when the loop is to end."""
        if not self._has_begun and self._context.is_set():
            self._has_begun = True
            self._hold()
            self._connection.call_later(ARRIVAL_SECONDS, self._cancel)

    def _cancel(self) -> None:
        if self._channel.is_open:
            for tag in tuple(self.tags):
                callback = self._connection.guard(partial(self._note_cancelled, tag))
                self._channel.basic_cancel(tag, callback=callback)

    def _note_cancelled(self, tag: str, _answer: object) -> None:
        self.tags.discard(tag)
        if not self.tags:
            self._release()
            self._drain()

    def _drain(self) -> None:
        if self._is_drained():
            # After all that other threads have asked for until now.
            self._connection.call_soon_threadsafe(self._connection.close)
        else:
            self._connection.call_later(DRAIN_LOOK_SECONDS, self._drain)
