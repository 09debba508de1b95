"""One connection that an event loop drives, with one channel and the topology declared on it."""

from collections.abc import Callable
from functools import partial, wraps
from typing import ParamSpec

import pika
import structlog
from pika.channel import Channel
from pika.exceptions import ConnectionClosedByClient

from runlet.backoff import Backoff
from runlet_amqp import declaration
from runlet_amqp.connection import open_first
from runlet_amqp.declaration import Topology
from runlet_amqp.errors import (
    PIKA_ERRORS,
    BrokerUnavailableError,
    as_broker_error,
    broker_errors,
)
from runlet_amqp.settings import BrokerSettings
from runlet_telemetry.supervision import LoopContext

log = structlog.get_logger()

BEAT_EVERY_SECONDS = 1.0
# For one address, the resolving of its name included.
ATTEMPT_SECONDS = 20.0
# From the open connection until all is declared and it can be used: a broker that has lost its
# majority answers heartbeats, but no declarations.
SETUP_SECONDS = 30.0

Parameters = ParamSpec("Parameters")


class EventLoopConnection:
    """A connection and its channel, for the thread that calls `run`.

    Other threads may call `call_soon_threadsafe`, nothing else. `on_ready` is called when
    `mark_ready` is.
    """

    def __init__(
        self,
        broker: BrokerSettings | str,
        name: str,
        topology: Topology,
        context: LoopContext,
        on_ready: Callable[[], None],
    ) -> None:
        self._broker = broker
        self._name = name
        self._topology = topology
        self._context = context
        self._on_ready = on_ready
        self._connection: pika.SelectConnection | None = None
        self._is_ready = False
        self._failure: BaseException | None = None

    def run(self, use: Callable[[Channel], None]) -> None:
        """Connect, declare, hand the channel to `use`, and serve it until it ends.

        The declarations are on their way then: what is asked of the channel next is answered after
        them. Raises BrokerUnavailableError unless it was ended by `close`, and what a callback of
        `guard` raised.
        """
        connection = self._connection = open_first(self._broker, self._name, self._open)
        try:
            with broker_errors():
                connection.add_on_close_callback(self._on_closed)
                # Fails where the connection was lost at once.
                connection.channel(on_open_callback=partial(self._set_up, use))
                self.call_later(SETUP_SECONDS, self._check_setup)
                connection.ioloop.start()
        finally:
            connection.ioloop.close()
        self._raise_failure()

    def mark_ready(self) -> None:
        """Say that the connection does what it is for."""
        self._is_ready = True
        log.info("broker_connected", connection=self._name)
        self._on_ready()

    def call_soon_threadsafe(self, callback: Callable[[], None]) -> None:
        """Have the thread of this connection call this, after what it was asked before."""
        if self._connection is not None:
            self._connection.ioloop.add_callback_threadsafe(self.guard(callback))

    def call_later(self, seconds: float, callback: Callable[[], None]) -> None:
        """Call this in a while, if the connection is open then."""
        if self._connection is not None:
            self._connection.ioloop.call_later(seconds, self.guard(callback))

    def close(self) -> None:
        """End the connection once all that was sent before has left."""
        if self._connection is not None and self._connection.is_open:
            self._connection.close()

    def fail(self, reason: BaseException) -> None:
        """End a connection that is of no use any more, for `reason`."""
        if self._connection is not None and self._connection.is_open:
            self._failure = reason
            self._connection.close()

    def guard(self, callback: Callable[Parameters, None]) -> Callable[Parameters, None]:
        """`callback`, whose errors end the connection and are raised by `run`.

        pika takes what its callbacks raise for failures of the network.
        """

        @wraps(callback)
        def guarded(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
            try:
                callback(*args, **kwargs)
            except Exception as error:  # noqa: BLE001 (`run` raises it)
                self._failure = error
                self.close()

        return guarded

    def _open(self, address: pika.URLParameters) -> pika.SelectConnection:
        failures: list[BaseException] = []

        def give_up(error: BaseException) -> None:
            failures.append(error)
            connection.ioloop.stop()

        connection = pika.SelectConnection(
            address,
            on_open_callback=lambda opened: opened.ioloop.stop(),
            on_open_error_callback=lambda _connection, error: give_up(error),
        )
        ioloop = connection.ioloop
        timeout = ioloop.call_later(
            ATTEMPT_SECONDS, partial(give_up, BrokerUnavailableError("It did not answer in time."))
        )
        self._beat_and_look(connection, give_up)
        ioloop.start()
        if failures:
            ioloop.close()
            raise as_broker_error(failures[0], address)
        ioloop.remove_timeout(timeout)
        return connection

    def _beat_and_look(
        self, connection: pika.SelectConnection, give_up: Callable[[BaseException], None]
    ) -> None:
        """Say again and again that the event loop turns, and stop opening when that is asked."""
        if self._context.is_set() and not connection.is_open and not connection.is_closing:
            give_up(BrokerUnavailableError("The connection was not needed any more."))
            return
        again = partial(self._beat_and_look, connection, give_up)
        connection.ioloop.call_later(BEAT_EVERY_SECONDS, again)

    def _set_up(self, use: Callable[[Channel], None], channel: Channel) -> None:
        channel.add_on_close_callback(partial(self._on_channel_closed, use))
        self.guard(declaration.declare)(channel, self._topology)
        self.guard(use)(channel)

    def _on_channel_closed(
        self, use: Callable[[Channel], None], _channel: Channel, reason: BaseException
    ) -> None:
        queue = declaration.outdated_queue(reason)
        if queue is None or self._connection is None or not self._connection.is_open:
            self.fail(reason)
            return
        log.warning("queue_outdated", queue=queue, connection=self._name)
        self._topology = self._topology.without_queue(queue)
        self._connection.channel(on_open_callback=partial(self._set_up, use))

    def _check_setup(self) -> None:
        if not self._is_ready:
            problem = f"The message broker declared nothing within {SETUP_SECONDS:.0f} s."
            self.fail(BrokerUnavailableError(problem))

    def _on_closed(self, connection: pika.SelectConnection, reason: BaseException) -> None:
        if self._failure is None and not isinstance(reason, ConnectionClosedByClient):
            self._failure = reason
        connection.ioloop.stop()

    def _raise_failure(self) -> None:
        if isinstance(self._failure, PIKA_ERRORS):
            raise as_broker_error(self._failure) from self._failure
        if self._failure is not None:
            raise self._failure


def keep_connected(
    broker: BrokerSettings | str,
    name: str,
    topology: Topology,
    context: LoopContext,
    use: Callable[[EventLoopConnection, Channel], None],
    on_lost: Callable[[], None],
) -> None:
    """Connect again and again, with a back-off, until the loop is to end.

    `use` gets each connection and its channel; `on_lost` is called after each attempt, also one
    that did not succeed.
    """
    backoff = Backoff()
    while not context.is_set():
        connection = EventLoopConnection(broker, name, topology, context, backoff.reset)
        try:
            connection.run(partial(use, connection))
        except BrokerUnavailableError as error:
            log.warning("broker_connection_lost", connection=name, error=str(error))
        finally:
            on_lost()
        context.wait(backoff.next_delay())


def queue_deleted(name: str) -> BrokerUnavailableError:
    """Why a connection is of no use whose queue was deleted: nothing would ever come by it."""
    return BrokerUnavailableError(
        f"The broker has cancelled what {name} consumes: a queue was deleted."
    )


def ignore_reply(_answer: object) -> None:
    """A callback for a call whose reply holds nothing of interest, but that is to be waited for."""
