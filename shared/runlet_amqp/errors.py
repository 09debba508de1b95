"""What can go wrong with the broker, in this project's own types.

Here, and nowhere else, what pika raises becomes one of them.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pika
from pika.adapters.utils.connection_workflow import (
    AMQPConnectionWorkflowFailed,
    AMQPConnectorException,
    AMQPConnectorPhaseErrorBase,
)
from pika.exceptions import AMQPConnectionError, AMQPError

from runlet_amqp.refusal_explanations import explain

# Two families that have no ancestor in common: the second comes from opening a connection.
PIKA_ERRORS = (AMQPError, AMQPConnectorException)
# socket.gaierror, TimeoutError and ssl.SSLError are OSErrors.
_ALL_ERRORS = (*PIKA_ERRORS, OSError)


class BrokerUnavailableError(Exception):
    """The broker cannot be reached now, does not answer, or did not take a message."""


class BrokerRefusedError(BrokerUnavailableError):
    """What will fail until a setting, a permission, a certificate or a queue is changed."""


def as_broker_error(
    error: BaseException, address: pika.ConnectionParameters | None = None
) -> BrokerUnavailableError:
    """An error of pika or of the network as one of this project's.

    `address` is where a connection was tried; its settings are named where they are the cause.
    """
    cause = _cause(error)
    if isinstance(cause, BrokerUnavailableError):
        return cause
    if sentence := explain(cause, address):
        return BrokerRefusedError(sentence)
    place = f" at {address.host}:{address.port}" if address else ""
    return BrokerUnavailableError(f"The message broker{place} is unavailable: {cause!r}")


@contextmanager
def broker_errors(address: pika.ConnectionParameters | None = None) -> Iterator[None]:
    """Raise errors of pika and of the network as BrokerUnavailableError."""
    try:
        yield
    except _ALL_ERRORS as error:
        raise as_broker_error(error, address) from error


def _cause(error: BaseException) -> BaseException:
    """The error within those that pika wraps around it, some of them several times."""
    match error:
        case AMQPConnectionWorkflowFailed() if error.exceptions:
            return _cause(error.exceptions[-1])
        case AMQPConnectorPhaseErrorBase():
            return _cause(error.exception)
        case AMQPConnectionError(args=[AMQPConnectionWorkflowFailed() as inner]):
            return _cause(inner)
    return error
