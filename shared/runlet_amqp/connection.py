"""Opening a connection to the broker, and waiting between attempts."""

import random
import socket
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

import pika
from pika.adapters.utils.connection_workflow import (
    AMQPConnectionWorkflowFailed,
    AMQPConnectorPhaseErrorBase,
)
from pika.adapters.utils.io_services_utils import _AsyncPlaintextTransport as PlainTransport
from pika.exceptions import AMQPError

from runlet.config import ConfigError
from runlet_amqp.connection_errors import BrokerRefusedError, explained
from runlet_amqp.settings import BrokerSettings, settings_of

# RabbitMQ looks this often whether it heard anything, and closes the connection at the second look
# in vain: who is cut off in silence has lost its work after at most three times this.
HEARTBEAT_SECONDS = 10
# A cut network says nothing. What was sent into one is given up after this long instead of many
# minutes, and a silent connection is asked whether it still stands.
TCP_OPTIONS = {
    "TCP_USER_TIMEOUT": 10_000,
    "TCP_KEEPIDLE": 5,
    "TCP_KEEPINTVL": 2,
    "TCP_KEEPCNT": 3,
}
# A broker short of memory or disk reads nothing from publishers. Giving up soon leaves requests in
# the outbox, where each is kept once, instead of collecting them here to be sent by several.
BLOCKED_SECONDS = 5
FIRST_DELAY_SECONDS = 0.2
LONGEST_DELAY_SECONDS = 5.0

Connection = TypeVar("Connection")

# What pika raises when the broker is away; socket.gaierror is an OSError.
CONNECTION_ERRORS = (AMQPError, OSError)


class BrokerUnavailableError(Exception):
    """The broker cannot be reached now, or did not take a message."""


class PromptConnection(pika.SelectConnection):  # type: ignore[misc]
    """Sends a message in one piece and at once.

    pika's own sends its method, header and body in a packet each, when its loop comes round.
    """

    def _output_marshaled_frames(self, marshaled_frames: Sequence[bytes]) -> None:
        super()._output_marshaled_frames([b"".join(marshaled_frames)])

    def _adapter_emit_data(self, data: bytes) -> None:
        super()._adapter_emit_data(data)
        # A transport of TLS does so itself.
        if isinstance(self._transport, PlainTransport) and self._transport.get_write_buffer_size():
            self._transport._on_socket_writable()


def connect(broker: BrokerSettings | str, name: str) -> pika.BlockingConnection:
    """Open a connection that the broker lists as `name`; a URL stands for settings without files.

    Several addresses are tried in random order, so that connections spread over a cluster.
    Raises one of CONNECTION_ERRORS when that fails, BrokerRefusedError if there is one.
    """
    return _connect(broker, name, pika.BlockingConnection)


def connect_driven_by_events(broker: BrokerSettings | str, name: str) -> PromptConnection:
    """The same, for whoever has many things on their way at once; its loop stands still yet."""
    return _connect(broker, name, _open_driven_by_events)


def _connect(
    broker: BrokerSettings | str, name: str, open_one: Callable[[pika.URLParameters], Connection]
) -> Connection:
    addresses = _addresses(broker)
    random.shuffle(addresses)
    failures: list[Exception] = []
    for address in _as_they_resolve(addresses):
        _be_patient(address, name)
        try:
            return open_one(address)
        except CONNECTION_ERRORS as error:
            failures.append(explained(error, address) or error)
    raise next((each for each in failures if isinstance(each, BrokerRefusedError)), failures[-1])


def _open_driven_by_events(address: pika.URLParameters) -> PromptConnection:
    failures: list[BaseException] = []

    def give_up(connection: pika.SelectConnection, error: BaseException | str) -> None:
        failures.append(_cause(error))
        connection.ioloop.stop()

    connection = PromptConnection(
        address,
        on_open_callback=lambda opened: opened.ioloop.stop(),
        on_open_error_callback=give_up,
    )
    connection.ioloop.start()
    if failures:
        connection.ioloop.close()
        raise failures[0]
    return connection


def _cause(error: BaseException | str) -> BaseException:
    """A failure to connect as one of CONNECTION_ERRORS: pika wraps most, some of them twice."""
    if isinstance(error, AMQPConnectionWorkflowFailed) and error.exceptions:
        error = error.exceptions[-1]
    if isinstance(error, AMQPConnectorPhaseErrorBase):
        error = error.exception
    return error if isinstance(error, CONNECTION_ERRORS) else AMQPError(repr(error))


def _as_they_resolve(addresses: list[pika.URLParameters]) -> Iterator[pika.URLParameters]:
    """The name of a node that is away may take many seconds to fail: the others go before it."""
    if len(addresses) == 1:
        yield addresses[0]
        return
    resolvers = ThreadPoolExecutor(len(addresses), thread_name_prefix="resolver")
    looks = {
        resolvers.submit(socket.getaddrinfo, address.host, address.port): address
        for address in addresses
    }
    resolvers.shutdown(wait=False)
    for look in as_completed(looks):
        yield looks[look]


def _addresses(broker: BrokerSettings | str) -> list[pika.URLParameters]:
    try:
        return settings_of(broker).addresses()
    except ConfigError as error:
        # A file that was fine at the start; certificates are exchanged under running services.
        raise BrokerRefusedError(str(error)) from error


def _be_patient(parameters: pika.URLParameters, name: str) -> None:
    """Set how long to wait for what, and the connection's name."""
    parameters.heartbeat = HEARTBEAT_SECONDS
    parameters.tcp_options = TCP_OPTIONS
    parameters.socket_timeout = 5
    parameters.stack_timeout = 10
    parameters.blocked_connection_timeout = BLOCKED_SECONDS
    parameters.client_properties = {"connection_name": name}


class Backoff:
    """Delays that double up to a bound, with full jitter so that clients do not come at once."""

    def __init__(self) -> None:
        self._bound = FIRST_DELAY_SECONDS

    def reset(self) -> None:
        """Begin again with the first delay."""
        self._bound = FIRST_DELAY_SECONDS

    def next_delay(self) -> float:
        """Seconds to wait before the next attempt."""
        delay = random.uniform(0.1, self._bound)
        self._bound = min(self._bound * 2, LONGEST_DELAY_SECONDS)
        return delay
