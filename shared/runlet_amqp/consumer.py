"""Consuming: deliveries out to worker threads, acknowledgements back to the connection's thread."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import pika
import structlog
from pika.channel import Channel
from pika.spec import Basic

from runlet.lifecycle import StopSignal
from runlet_amqp.connection import CONNECTION_ERRORS, Backoff
from runlet_amqp.event_loop_connection import Declare, Line, cancelled, noted
from runlet_amqp.settings import BrokerSettings

log = structlog.get_logger()

LOOK_SECONDS = 0.25
ARRIVAL_SECONDS = 0.1
DRAIN_LOOK_SECONDS = 0.05


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
        declare: Declare,
        on_delivery: Callable[[Delivery], None],
    ) -> None:
        self._broker = broker
        self._name = name
        self._queues = queues
        self._prefetch = prefetch
        self._declare = declare
        self._on_delivery = on_delivery
        self._epoch = 0
        self._line: Line | None = None
        self._channel: Channel | None = None
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
                line = Line(self._broker, self._name, self._declare)
                ending = _Ending(line, stop, is_drained, self._hold, self._release)
                line.serve(partial(self._consume, line, ending, backoff))
            except CONNECTION_ERRORS as error:
                log.warning("broker_connection_lost", connection=self._name, error=repr(error))
            finally:
                self._line = self._channel = self._held = None
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
        line = self._line
        if line is not None:
            line.soon(callback)

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
        """Where a delivery can be settled; nowhere once its line ends."""
        channel = self._channel
        return channel if channel and channel.is_open and self._is_current(delivery) else None

    def _is_current(self, delivery: Delivery) -> bool:
        return delivery.epoch == self._epoch

    def _consume(self, line: Line, ending: "_Ending", backoff: Backoff, channel: Channel) -> None:
        self._epoch += 1
        self._line, self._channel = line, channel
        channel.add_on_cancel_callback(lambda _frame: line.fail(cancelled(self._name)))
        channel.basic_qos(prefetch_count=self._prefetch, callback=noted)
        tags = [
            channel.basic_consume(
                queue, self._receiver(queue, ending), callback=lambda _answer: backoff.reset()
            )
            for queue in self._queues
        ]
        log.info("broker_connected", connection=self._name)
        ending.watch(channel, tags)

    def _hold(self) -> None:
        self._held = []

    def _release(self) -> None:
        held, self._held = self._held, None
        self._acknowledge(held or ())

    def _receiver(self, queue: str, ending: "_Ending") -> "Receive":
        epoch = self._epoch

        def receive(
            _channel: Channel, method: Basic.Deliver, properties: pika.BasicProperties, body: bytes
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
            ending.look()

        return receive


Receive = Callable[[Channel, Basic.Deliver, pika.BasicProperties, bytes], None]


class _Ending:
    """How a consumer stops, step by step, on the thread of its line.

    What crosses the cancelling on its way here goes back to its queue, which counts that as a
    failure of the message. So nothing is acknowledged for a moment before: with all that may be
    unacknowledged here already, nothing is on its way.
    """

    def __init__(
        self,
        line: Line,
        stop: StopSignal,
        is_drained: Callable[[], bool],
        hold: Callable[[], None],
        release: Callable[[], None],
    ) -> None:
        self._line = line
        self._stop = stop
        self._is_drained = is_drained
        self._hold = hold
        self._release = release
        self._channel: Channel | None = None
        self._tags: set[str] = set()
        self._has_begun = False

    def watch(self, channel: Channel, tags: Sequence[str]) -> None:
        """Stop when that is asked for; what comes by these tags is to be cancelled then."""
        self._channel, self._tags = channel, set(tags)
        self._look_again()

    def look(self) -> None:
        """Begin to stop if that was asked for."""
        if not self._has_begun and self._stop.is_set():
            self._has_begun = True
            self._hold()
            self._line.later(ARRIVAL_SECONDS, self._cancel)

    def _look_again(self) -> None:
        self.look()
        if not self._has_begun:
            self._line.later(LOOK_SECONDS, self._look_again)

    def _cancel(self) -> None:
        if self._channel is not None and self._channel.is_open:
            for tag in tuple(self._tags):
                self._channel.basic_cancel(tag, callback=partial(self._note_cancelled, tag))

    def _note_cancelled(self, tag: str, _answer: object) -> None:
        self._tags.discard(tag)
        if not self._tags:
            self._release()
            self._drain()

    def _drain(self) -> None:
        if self._is_drained():
            # After all that other threads have asked for until now.
            self._line.soon(self._line.close)
        else:
            self._line.later(DRAIN_LOOK_SECONDS, self._drain)
