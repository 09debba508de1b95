"""Opening a connection to the broker, and waiting between attempts."""

import random

import pika
from pika.exceptions import AMQPError

HEARTBEAT_SECONDS = 20
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

# What pika raises when the broker is away; socket.gaierror is an OSError.
CONNECTION_ERRORS = (AMQPError, OSError)


class BrokerUnavailableError(Exception):
    """The broker cannot be reached now, or did not take a message."""


def connect(url: str, name: str) -> pika.BlockingConnection:
    """Open a connection that the broker lists as `name`.

    Raises one of CONNECTION_ERRORS when that fails.
    """
    parameters = pika.URLParameters(url)
    parameters.heartbeat = HEARTBEAT_SECONDS
    parameters.tcp_options = TCP_OPTIONS
    parameters.socket_timeout = 5
    parameters.stack_timeout = 10
    parameters.blocked_connection_timeout = BLOCKED_SECONDS
    parameters.client_properties = {"connection_name": name}
    return pika.BlockingConnection(parameters)


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
