"""Listening to what every listener gets: each subscriber has a queue of its own."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import pika
import structlog
from pika.channel import Channel
from pika.frame import Method
from pika.spec import Basic, Queue

from runlet import messages
from runlet.messages import InvalidMessageError, Message
from runlet_amqp.declaration import Topology
from runlet_amqp.event_loop_connection import (
    EventLoopConnection,
    ignore_reply,
    keep_connected,
    queue_deleted,
)
from runlet_amqp.settings import BrokerSettings
from runlet_telemetry import tracing
from runlet_telemetry.supervision import Loop, LoopContext

log = structlog.get_logger()

# A subscriber that has stopped reading must not fill the broker; it misses the oldest messages.
QUEUE_BYTES = 64 * 1024 * 1024


class Binding(NamedTuple):
    """Which messages of an exchange are heard; a fanout exchange takes no notice of the key."""

    exchange: str
    routing_key: str = ""


class Subscriber:
    """Hands on the messages it is bound to, over one connection, which its loop owns.

    The queue goes with the connection, so messages are missed while it is away: `on_connection` is
    called with False when that begins and with True when it is over. Both callbacks are called by
    the loop's thread; what they raise ends the loop.
    """

    def __init__(
        self,
        broker: BrokerSettings | str,
        name: str,
        topology: Topology,
        bindings: Sequence[Binding],
        on_message: Callable[[Message], None],
        on_connection: Callable[[bool], None],
    ) -> None:
        self._broker = broker
        self._name = name
        self._topology = topology
        self._bindings = bindings
        self._on_message = on_message
        self._on_connection = on_connection
        self._connection: EventLoopConnection | None = None

    def loop(self, name: str = "subscriber") -> Loop:
        """What a Supervisor runs."""
        return Loop(name, self._run, self._wake)

    def _wake(self) -> None:
        connection = self._connection
        if connection is not None:
            connection.call_soon_threadsafe(connection.close)

    def _run(self, context: LoopContext) -> None:
        keep_connected(
            self._broker,
            self._name,
            self._topology,
            context,
            use=partial(self._listen, context),
            on_lost=self._disconnect,
        )

    def _disconnect(self) -> None:
        self._connection = None
        self._on_connection(False)

    def _listen(
        self, context: LoopContext, connection: EventLoopConnection, channel: Channel
    ) -> None:
        self._connection = connection

        def on_listening(_answer: object) -> None:
            self._on_connection(True)
            connection.mark_ready()
            if context.is_set():
                connection.close()

        def on_queue(declared: "Method[Queue.DeclareOk]") -> None:
            queue = declared.method.queue
            for exchange, routing_key in self._bindings:
                channel.queue_bind(queue, exchange, routing_key, callback=ignore_reply)
            channel.basic_consume(
                queue,
                connection.guard(self._receive),
                auto_ack=True,
                callback=connection.guard(on_listening),
            )

        channel.add_on_cancel_callback(lambda _frame: connection.fail(queue_deleted(self._name)))
        channel.queue_declare(
            "",
            exclusive=True,
            auto_delete=True,
            arguments={"x-max-length-bytes": QUEUE_BYTES},
            callback=connection.guard(on_queue),
        )

    def _receive(
        self,
        _channel: Channel,
        _method: Basic.Deliver,
        properties: pika.BasicProperties,
        body: bytes,
    ) -> None:
        try:
            message = messages.decode(properties.type, body)
        except InvalidMessageError as error:
            log.warning("message_ignored", connection=self._name, error=str(error))
            return
        traceparent = (properties.headers or {}).get("traceparent")
        with tracing.logged(traceparent if isinstance(traceparent, str) else None):
            self._on_message(message)
