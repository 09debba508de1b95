"""Publishing with confirms: a message counts as sent when the broker says it has it."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from functools import partial

import pika
import structlog
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import NackError, UnroutableError

from runlet.broker.connection import CONNECTION_ERRORS, Backoff, BrokerUnavailableError, connect
from runlet.broker.outgoing import OutgoingMessage
from runlet.broker.settings import BrokerSettings
from runlet.tracing import OFF, Kind, Span, Tracer

log = structlog.get_logger()

Declare = Callable[[BlockingChannel], None]
_Pending = tuple[OutgoingMessage, "Future[None]"]


class Publisher:
    """One thread that owns one connection; any thread may hand it messages.

    Messages leave in the order in which they were handed over. While the broker is away they are
    refused at once rather than collected: whoever publishes keeps what it promised.
    """

    def __init__(
        self,
        broker: BrokerSettings | str,
        name: str,
        declare: Declare,
        tracer: Tracer = OFF,
    ) -> None:
        self._broker = broker
        self._name = name
        self._declare = declare
        self._tracer = tracer
        self._pending: deque[_Pending] = deque()
        self._connection: pika.BlockingConnection | None = None
        self._stopping = threading.Event()
        self._connected = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=f"{name}-publisher", daemon=True)

    def start(self) -> None:
        """Begin to connect, in the background."""
        self._thread.start()

    def close(self, timeout: float = 10) -> None:
        """Send what was handed over, then close the connection."""
        self._stopping.set()
        self._wake()
        self._thread.join(timeout)

    @property
    def connected(self) -> bool:
        """Whether the broker answers now."""
        return self._connected.is_set()

    def wait_until_connected(self, timeout: float) -> bool:
        """Wait for the first connection; False when `timeout` seconds pass without one."""
        return self._connected.wait(timeout)

    def publish(self, message: OutgoingMessage) -> "Future[None]":
        """Hand a message over; the future is done when the broker has confirmed it.

        The future carries BrokerUnavailableError when the broker is away or refuses it.
        """
        future: Future[None] = Future()
        if message.is_step:
            span = self._begin(message)
            future.add_done_callback(partial(_end, span))
            message = replace(message, traceparent=span.traceparent)
        with self._lock:
            if not self._connected.is_set():
                future.set_exception(BrokerUnavailableError("The message broker is away."))
                return future
            self._pending.append((message, future))
        self._wake()
        return future

    def _begin(self, message: OutgoingMessage) -> Span:
        return self._tracer.begin(
            f"publish {message.exchange}",
            Kind.PRODUCER,
            message.traceparent,
            {
                "messaging.system": "rabbitmq",
                "messaging.operation.type": "send",
                "messaging.destination.name": message.exchange,
                "messaging.rabbitmq.destination.routing_key": message.routing_key,
                "messaging.message.conversation_id": message.execution_id,
                "messaging.message.type": message.type,
                "runlet.execution_id": message.execution_id,
            },
        )

    def _wake(self) -> None:
        connection = self._connection
        if connection is None:
            return
        try:
            connection.add_callback_threadsafe(self._noop)
        except CONNECTION_ERRORS:
            # Closing under our hands; the owning thread sees it and fails what is pending.
            log.debug("publisher_wake_failed", connection=self._name)

    @staticmethod
    def _noop() -> None:
        """Being called is what ends the wait of the owning thread."""

    def _run(self) -> None:
        backoff = Backoff()
        while not self._stopping.is_set():
            try:
                with connect(self._broker, self._name) as connection:
                    self._serve(connection, backoff)
            except CONNECTION_ERRORS as error:
                log.warning("broker_connection_lost", connection=self._name, error=repr(error))
            finally:
                self._disconnected()
            self._stopping.wait(backoff.next_delay())

    def _serve(self, connection: pika.BlockingConnection, backoff: Backoff) -> None:
        channel = connection.channel()
        channel.confirm_delivery()
        self._declare(channel)
        self._connection = connection
        self._connected.set()
        backoff.reset()
        log.info("broker_connected", connection=self._name)
        while not self._stopping.is_set():
            # Short, so that a stop that races the wait is seen soon; heartbeats are served inside.
            connection.process_data_events(time_limit=1)
            self._send_pending(channel)
        self._send_pending(channel)

    def _send_pending(self, channel: BlockingChannel) -> None:
        while self._pending:
            message, future = self._pending.popleft()
            try:
                self._send(channel, message)
            except (NackError, UnroutableError) as error:
                refusal = f"The broker refused a message for {message.routing_key}: {error!r}"
                future.set_exception(BrokerUnavailableError(refusal))
            except CONNECTION_ERRORS as error:
                future.set_exception(BrokerUnavailableError(f"The broker went away: {error!r}"))
                raise
            else:
                future.set_result(None)

    def _send(self, channel: BlockingChannel, message: OutgoingMessage) -> None:
        channel.basic_publish(
            message.exchange,
            message.routing_key,
            message.body,
            message.properties(),
            mandatory=message.must_route,
        )

    def _disconnected(self) -> None:
        with self._lock:
            self._connected.clear()
            self._connection = None
            abandoned, self._pending = self._pending, deque()
        for _message, future in abandoned:
            future.set_exception(BrokerUnavailableError("The message broker went away."))


def _end(span: Span, future: "Future[None]") -> None:
    error = future.exception()
    if error is not None:
        span.fail(type(error).__name__)
    span.end()
