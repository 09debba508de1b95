"""Work that comes round again and again beside the writing."""

import threading
from collections.abc import Callable

import structlog
from sqlalchemy.exc import SQLAlchemyError

from runlet.lifecycle import StopSignal
from runlet_amqp.errors import BrokerUnavailableError

log = structlog.get_logger()

# The database or the broker is away; the next turn may find it back.
_AWAY = (SQLAlchemyError, BrokerUnavailableError)


class Periodic:
    """Calls `turn` every `seconds` on a thread of its own, until stopped.

    A turn that fails because a server is away is logged, and the next one comes in its time. A
    defect ends the thread.
    """

    def __init__(
        self, name: str, seconds: float, turn: Callable[[], None], stop: StopSignal
    ) -> None:
        self._name = name
        self._seconds = seconds
        self._turn = turn
        self._stop = stop
        self._thread = threading.Thread(target=self._run, name=name)

    def start(self) -> None:
        """Begin with a turn."""
        self._thread.start()

    def join(self) -> None:
        """Wait until the turn in hand is over."""
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._turn()
            except _AWAY as error:
                log.warning("turn_failed", work=self._name, error=repr(error))
            self._stop.wait(self._seconds)
