"""Publishing with confirms: a message counts as sent when the broker says it has it."""

import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import replace
from functools import partial

import structlog
from pika.channel import Channel

from runlet_amqp.confirming_channel import ConfirmingChannel
from runlet_amqp.connection import CONNECTION_ERRORS, Backoff, BrokerUnavailableError
from runlet_amqp.envelopes import OutgoingMessage
from runlet_amqp.event_loop_connection import Declare, Line
from runlet_amqp.settings import BrokerSettings
from runlet_telemetry.tracing import OFF, Kind, Span, Tracer

log = structlog.get_logger()


# Between two looks whether the last messages before a stop are confirmed.
SETTLING_SECONDS = 0.02

_Pending = tuple[OutgoingMessage, "Future[None]"]


class Publisher:
    """One thread that owns one connection; any thread may hand it messages.

    Messages leave in the order in which they were handed over, and none waits until the one before
    is confirmed. While the broker is away they are refused at once rather than collected: whoever
    publishes keeps what it promised.
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
        self._line: Line | None = None
        self._channel: ConfirmingChannel | None = None
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
        line = self._line
        if line is not None:
            line.soon(self._send_pending)

    def _run(self) -> None:
        backoff = Backoff()
        while not self._stopping.is_set():
            try:
                line = Line(self._broker, self._name, self._declare)
                line.serve(partial(self._begin_to_publish, line, backoff))
            except CONNECTION_ERRORS as error:
                log.warning("broker_connection_lost", connection=self._name, error=repr(error))
            finally:
                self._disconnected()
            self._stopping.wait(backoff.next_delay())

    def _begin_to_publish(self, line: Line, backoff: Backoff, channel: Channel) -> None:
        def on_ready() -> None:
            self._line = line
            self._connected.set()
            backoff.reset()
            log.info("broker_connected", connection=self._name)
            self._send_pending()

        self._channel = ConfirmingChannel(channel, on_ready)

    def _send_pending(self) -> None:
        if self._channel is None:
            return
        while self._pending:
            self._channel.send(*self._pending.popleft())
        if self._stopping.is_set():
            self._close_once_settled()

    def _close_once_settled(self) -> None:
        line, channel = self._line, self._channel
        if line is None or channel is None:
            return
        if channel.is_settled:
            line.close()
        else:
            line.later(SETTLING_SECONDS, self._close_once_settled)

    def _disconnected(self) -> None:
        with self._lock:
            self._connected.clear()
            self._line = None
            channel, self._channel = self._channel, None
            abandoned, self._pending = self._pending, deque()
        if channel is not None:
            channel.abandon("The message broker went away.")
        for _message, future in abandoned:
            future.set_exception(BrokerUnavailableError("The message broker went away."))


def _end(span: Span, future: "Future[None]") -> None:
    error = future.exception()
    if error is not None:
        span.fail(type(error).__name__)
    span.end()
