"""Looking after everything that is waited for, in case an event goes unheard."""

import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple
from uuid import UUID

import structlog
from sqlalchemy import Engine, bindparam, select
from sqlalchemy.exc import SQLAlchemyError

from execution_api.executions.waiters import Waiters
from runlet.execution import TERMINAL, Status
from runlet_postgres.execution_tables import executions

log = structlog.get_logger()

# Between looks that nothing called for: a connection may be dead before anybody notices.
LOOK_SECONDS = 5.0
DEAF_LOOK_SECONDS = 1.0


class State(NamedTuple):
    """How far an execution is, as it is stored; `attempts` have begun."""

    execution_id: UUID
    status: Status
    attempts: int


class States:
    """Reads the state of many executions at once; the engine must be in autocommit mode."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def read(self, execution_ids: Sequence[UUID]) -> list[State]:
        """The states of those that exist."""
        with self._engine.connect() as connection:
            rows = connection.execute(_READ, {"ids": execution_ids}).all()
        return [State(id_, Status(status), attempts) for id_, status, attempts in rows]


_READ = select(executions.c.id, executions.c.status, executions.c.attempts).where(
    executions.c.id.in_(bindparam("ids", expanding=True))
)


class LookOut:
    """One thread that reads now and then what all waiters of this process wait for.

    One query for all, however many there are; each reads its own execution only when that is over.
    `on_state` gets what is not.
    """

    def __init__(
        self,
        waiters: Waiters,
        read: Callable[[Sequence[UUID]], Sequence[State]],
        on_state: Callable[[State], None],
    ) -> None:
        self._waiters = waiters
        self._read = read
        self._on_state = on_state
        self._stopping = False
        self._called = threading.Event()
        self._thread = threading.Thread(target=self._run, name="look-out", daemon=True)

    def start(self) -> None:
        """Begin to look, in the background."""
        self._thread.start()

    def close(self) -> None:
        """Stop looking."""
        self._stopping = True
        self._called.set()
        self._thread.join()

    def call(self) -> None:
        """Look now: something may have gone unheard."""
        self._called.set()

    def look(self) -> None:
        """Look once, and tell those concerned."""
        awaited = self._waiters.awaited()
        if not awaited:
            return
        try:
            states = self._read(awaited)
        except SQLAlchemyError as error:
            log.warning("waiters_not_looked_after", waiters=len(awaited), error=str(error))
            return
        gone = set(awaited).difference(state.execution_id for state in states)
        for state in states:
            if state.status in TERMINAL:
                self._waiters.announce_news(state.execution_id)
            else:
                self._on_state(state)
        for execution_id in gone:
            self._waiters.announce_news(execution_id)

    def _run(self) -> None:
        while not self._stopping:
            listening = self._waiters.listening
            self._called.wait(LOOK_SECONDS if listening else DEAF_LOOK_SECONDS)
            self._called.clear()
            if not self._stopping:
                self.look()
