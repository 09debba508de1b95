"""Listening to what is told to everybody: each subscriber has a queue of its own."""

import threading
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
from runlet_amqp.connection import CONNECTION_ERRORS, Backoff
from runlet_amqp.event_loop_connection import Declare, Line, cancelled, noted
from runlet_amqp.settings import BrokerSettings
from runlet_telemetry import tracing

log = structlog.get_logger()

# A subscriber that has stopped reading must not fill the broker; it misses the oldest messages.
QUEUE_BYTES = 64 * 1024 * 1024


class Binding(NamedTuple):
    """Which messages of an exchange are heard; a fanout exchange takes no notice of the key."""

    exchange: str
    routing_key: str = ""


class Subscriber:
    """Hands on the messages it is bound to, on a thread that owns one connection.

    The queue goes with the connection, so messages are missed while it is away: `on_connection` is
    called with False when that begins and with True when it is over.
    """

    def __init__(
        self,
        broker: BrokerSettings | str,
        name: str,
        declare: Declare,
        bindings: Sequence[Binding],
        on_message: Callable[[Message], None],
        on_connection: Callable[[bool], None],
    ) -> None:
        self._broker = broker
        self._name = name
        self._declare = declare
        self._bindings = bindings
        self._on_message = on_message
        self._on_connection = on_connection
        self._line: Line | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to listen, in the background."""
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._stopping.set()
        line = self._line
        if line is not None:
            line.soon(line.close)
        self._thread.join()

    def _run(self) -> None:
        backoff = Backoff()
        while not self._stopping.is_set():
            try:
                self._line = Line(self._broker, self._name, self._declare)
                self._line.serve(partial(self._listen, self._line, backoff))
            except CONNECTION_ERRORS as error:
                log.warning("broker_connection_lost", connection=self._name, error=repr(error))
            finally:
                self._line = None
                self._on_connection(False)
            self._stopping.wait(backoff.next_delay())

    def _listen(self, line: Line, backoff: Backoff, channel: Channel) -> None:
        def on_listening(_answer: object) -> None:
            self._on_connection(True)
            backoff.reset()
            log.info("broker_connected", connection=self._name)
            if self._stopping.is_set():
                line.close()

        def on_queue(declared: "Method[Queue.DeclareOk]") -> None:
            queue = declared.method.queue
            for exchange, routing_key in self._bindings:
                channel.queue_bind(queue, exchange, routing_key, callback=noted)
            channel.basic_consume(queue, self._receive, auto_ack=True, callback=on_listening)

        channel.add_on_cancel_callback(lambda _frame: line.fail(cancelled(self._name)))
        channel.queue_declare(
            "",
            exclusive=True,
            auto_delete=True,
            arguments={"x-max-length-bytes": QUEUE_BYTES},
            callback=on_queue,
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
