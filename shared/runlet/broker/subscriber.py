"""Listening to what is told to everybody: each subscriber has a queue of its own."""

import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

import pika
import structlog
from pika.adapters.blocking_connection import BlockingChannel
from pika.spec import Basic

from runlet import messages, tracing
from runlet.broker.connection import CONNECTION_ERRORS, Backoff, connect
from runlet.broker.publisher import Declare
from runlet.broker.settings import BrokerSettings
from runlet.messages import InvalidMessageError, Message

log = structlog.get_logger()

# How soon a stop is seen; messages end the wait at once.
LOOP_SECONDS = 0.25
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
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to listen, in the background."""
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        backoff = Backoff()
        while not self._stopping.is_set():
            try:
                with connect(self._broker, self._name) as connection:
                    self._listen(connection, backoff)
            except CONNECTION_ERRORS as error:
                log.warning("broker_connection_lost", connection=self._name, error=repr(error))
            finally:
                self._on_connection(False)
            self._stopping.wait(backoff.next_delay())

    def _listen(self, connection: pika.BlockingConnection, backoff: Backoff) -> None:
        channel = connection.channel()
        self._declare(channel)
        queue = channel.queue_declare(
            "", exclusive=True, auto_delete=True, arguments={"x-max-length-bytes": QUEUE_BYTES}
        ).method.queue
        for exchange, routing_key in self._bindings:
            channel.queue_bind(queue, exchange, routing_key)
        channel.basic_consume(queue, self._receive, auto_ack=True)
        self._on_connection(True)
        backoff.reset()
        log.info("broker_connected", connection=self._name)
        while not self._stopping.is_set():
            connection.process_data_events(time_limit=LOOP_SECONDS)

    def _receive(
        self,
        _channel: BlockingChannel,
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
