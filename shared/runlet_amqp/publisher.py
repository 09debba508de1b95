"""Publishing with confirms: a message counts as sent when the broker says it has it."""

import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import replace
from functools import partial

from pika.channel import Channel

from runlet_amqp.confirming_channel import ConfirmingChannel
from runlet_amqp.declaration import Topology
from runlet_amqp.envelopes import Envelope
from runlet_amqp.errors import BrokerUnavailableError
from runlet_amqp.event_loop_connection import EventLoopConnection, keep_connected
from runlet_amqp.settings import BrokerSettings
from runlet_telemetry.supervision import Loop, LoopContext
from runlet_telemetry.tracing import OFF, Kind, Span, Tracer

# Between two looks whether the last messages before a stop are confirmed.
SETTLING_SECONDS = 0.02
# A broker may answer heartbeats and confirm nothing, such as one without a majority.
CONFIRM_SECONDS = 30.0
LOOK_SECONDS = 5.0
LOST = "The connection to the message broker was lost."

_Pending = tuple[Envelope, "Future[None]"]


class Publisher:
    """Publishes over one connection, which its loop owns; any thread may hand it messages.

    Messages leave in the order in which they were handed over, and none waits until the one before
    is confirmed. While the broker is away they are refused at once rather than collected: the
    caller keeps what it promised.
    """

    def __init__(
        self,
        broker: BrokerSettings | str,
        name: str,
        topology: Topology,
        tracer: Tracer = OFF,
    ) -> None:
        self._broker = broker
        self._name = name
        self._topology = topology
        self._tracer = tracer
        self._pending: deque[_Pending] = deque()
        self._context: LoopContext | None = None
        self._connection: EventLoopConnection | None = None
        self._channel: ConfirmingChannel | None = None
        self._connected = threading.Event()
        self._lock = threading.Lock()

    def loop(self, name: str = "publisher") -> Loop:
        """What a Supervisor runs. When it is stopped, it first sends what was handed over."""
        return Loop(name, self._run, self._wake)

    @property
    def connected(self) -> bool:
        """Whether the broker answers now."""
        return self._connected.is_set()

    def wait_until_connected(self, timeout: float) -> bool:
        """Wait for the first connection; False when `timeout` seconds pass without one."""
        return self._connected.wait(timeout)

    def publish(self, message: Envelope) -> "Future[None]":
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

    def _begin(self, message: Envelope) -> Span:
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
        if connection is not None:
            connection.call_soon_threadsafe(self._send_pending)

    def _run(self, context: LoopContext) -> None:
        self._context = context
        keep_connected(
            self._broker,
            self._name,
            self._topology,
            context,
            use=self._begin_to_publish,
            on_lost=self._disconnect,
        )

    def _begin_to_publish(self, connection: EventLoopConnection, channel: Channel) -> None:
        def on_ready() -> None:
            self._connection = connection
            self._connected.set()
            connection.mark_ready()
            self._send_pending()
            self._look_later(connection)

        self._channel = ConfirmingChannel(channel, connection.guard(on_ready))

    def _look_later(self, connection: EventLoopConnection) -> None:
        connection.call_later(LOOK_SECONDS, partial(self._check_confirms, connection))

    def _check_confirms(self, connection: EventLoopConnection) -> None:
        if self._channel is None:
            return
        if self._channel.note_passing(LOOK_SECONDS) > CONFIRM_SECONDS:
            problem = f"The message broker confirmed nothing within {CONFIRM_SECONDS:.0f} s."
            connection.fail(BrokerUnavailableError(problem))
        else:
            self._look_later(connection)

    def _send_pending(self) -> None:
        if self._channel is None:
            return
        while self._pending:
            self._channel.send(*self._pending.popleft())
        if self._context is not None and self._context.is_set():
            self._close_once_settled()

    def _close_once_settled(self) -> None:
        connection, channel = self._connection, self._channel
        if connection is None or channel is None:
            return
        if channel.is_settled:
            connection.close()
        else:
            connection.call_later(SETTLING_SECONDS, self._close_once_settled)

    def _disconnect(self) -> None:
        with self._lock:
            self._connected.clear()
            self._connection = None
            channel, self._channel = self._channel, None
            abandoned, self._pending = self._pending, deque()
        if channel is not None:
            channel.abandon(LOST)
        for _message, future in abandoned:
            future.set_exception(BrokerUnavailableError(LOST))


def _end(span: Span, future: "Future[None]") -> None:
    error = future.exception()
    if error is not None:
        span.fail(type(error).__name__)
    span.end()
