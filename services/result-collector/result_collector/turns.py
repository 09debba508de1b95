"""Loops that take a turn again and again beside the writing."""

from collections.abc import Callable

import structlog

from runlet.backoff import Stop
from runlet_amqp.errors import BrokerUnavailableError
from runlet_postgres.errors import DatabaseUnavailableError
from runlet_telemetry.supervision import Loop, LoopContext

log = structlog.get_logger()

# The database or the broker is away; the next turn may find it back.
_UNAVAILABLE = (DatabaseUnavailableError, BrokerUnavailableError)

Turn = Callable[[Stop], None]


def every(seconds: float, name: str, turn: Turn) -> Loop:
    """A loop that begins with a turn and takes one every `seconds` after that.

    A turn that fails because a server is away is logged, and the next one comes in its time; so it
    does after a defect, which is left to the supervisor to log and count. A turn that may take long
    looks at the stop that it is given, which says that the loop turns.
    """

    def run(context: LoopContext) -> None:
        while not context.is_set():
            try:
                turn(context)
            except _UNAVAILABLE as error:
                log.warning("turn_failed", loop=name, error=repr(error))
            context.wait(seconds)

    return Loop(name, run, period_seconds=seconds)
