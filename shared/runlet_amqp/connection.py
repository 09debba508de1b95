"""Opening a connection to the broker: which addresses, how long to wait, under which name."""

import random
import socket
import time
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

import pika

from runlet.config import ConfigError
from runlet_amqp.errors import BrokerRefusedError, BrokerUnavailableError, broker_errors
from runlet_amqp.settings import BrokerSettings, settings_of

# RabbitMQ looks this often whether it heard anything, and closes the connection at the second look
# in vain: a client that is cut off in silence has lost its work after at most three times this.
# A client gives up a silent broker after this and 5 seconds, at the earliest, or twice that.
HEARTBEAT_SECONDS = 10
# A cut network says nothing. What was sent into one is given up after this long instead of many
# minutes, and a silent connection is asked whether it still stands.
TCP_OPTIONS = {
    "TCP_USER_TIMEOUT": 10_000,
    "TCP_KEEPIDLE": 5,
    "TCP_KEEPINTVL": 2,
    "TCP_KEEPCNT": 3,
}
# For the TCP connection, and for all until the broker has let the client in.
SOCKET_SECONDS = 5
HANDSHAKE_SECONDS = 10
# For the names of all addresses together.
RESOLVE_SECONDS = 10
# A broker short of memory or disk reads nothing from publishers. Giving up soon leaves requests in
# the outbox, where each is kept once, instead of collecting them here to be sent by several.
BLOCKED_SECONDS = 5

Connection = TypeVar("Connection")
# An address, and whether its name could be looked up.
_Answers = SimpleQueue[tuple[pika.URLParameters, bool]]


def connect(broker: BrokerSettings | str, name: str) -> pika.BlockingConnection:
    """Open a blocking connection that the broker lists as `name`, for a look or a command.

    A URL stands for settings without files. Takes up to RESOLVE_SECONDS and HANDSHAKE_SECONDS for
    each address. Raises BrokerUnavailableError when that fails.
    """
    return open_first(broker, name, pika.BlockingConnection)


def open_first(
    broker: BrokerSettings | str, name: str, open_one: Callable[[pika.URLParameters], Connection]
) -> Connection:
    """Call `open_one` with each address until it succeeds, and give what it gives.

    The order is random, so that connections spread over a cluster. Raises BrokerUnavailableError
    when none can be opened, BrokerRefusedError if there is one.
    """
    failures: list[BrokerUnavailableError] = []
    for address in _resolvable(_addresses(broker)):
        _apply_timeouts(address, name)
        try:
            with broker_errors(address):
                return open_one(address)
        except BrokerUnavailableError as error:
            failures.append(error)
    failures.append(BrokerUnavailableError("No address in AMQP_URL can be resolved."))
    raise next((each for each in failures if isinstance(each, BrokerRefusedError)), failures[0])


def _resolvable(addresses: list[pika.URLParameters]) -> Iterator[pika.URLParameters]:
    """Give addresses as they resolve: the name of a node that is away may take long to fail.

    What the caller takes to connect in between is no time of the lookups.
    """
    random.shuffle(addresses)
    answers: _Answers = SimpleQueue()
    for address in addresses:
        # A process that ends does not wait for them, as it would for those of an executor.
        Thread(target=_look_up, args=(address, answers), name="resolver", daemon=True).start()
    left = float(RESOLVE_SECONDS)
    for _ in addresses:
        began = time.monotonic()
        try:
            address, is_found = answers.get(timeout=max(0.0, left))
        except Empty:
            return
        left -= time.monotonic() - began
        if is_found:
            yield address


def _look_up(address: pika.URLParameters, answers: _Answers) -> None:
    try:
        socket.getaddrinfo(address.host, address.port)
    except (OSError, UnicodeError):
        answers.put((address, False))
    else:
        answers.put((address, True))


def _addresses(broker: BrokerSettings | str) -> list[pika.URLParameters]:
    try:
        return settings_of(broker).addresses()
    except ConfigError as error:
        # A file that was fine at the start; certificates are exchanged under running services.
        raise BrokerRefusedError(str(error)) from error


def _apply_timeouts(parameters: pika.URLParameters, name: str) -> None:
    parameters.heartbeat = HEARTBEAT_SECONDS
    parameters.tcp_options = TCP_OPTIONS
    parameters.socket_timeout = SOCKET_SECONDS
    parameters.stack_timeout = HANDSHAKE_SECONDS
    parameters.blocked_connection_timeout = BLOCKED_SECONDS
    parameters.client_properties = {"connection_name": name}
