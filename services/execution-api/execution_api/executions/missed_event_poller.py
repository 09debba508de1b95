"""Reading everything that is waited for now and then, in case an event was missed."""

import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple
from uuid import UUID

import structlog
from sqlalchemy import Engine, bindparam, select

from execution_api.executions.waiters import WaiterRegistry
from runlet.execution import TERMINAL, Status
from runlet_postgres.errors import DatabaseUnavailableError
from runlet_postgres.execution_tables import executions
from runlet_telemetry.supervision import Loop, LoopContext

log = structlog.get_logger()

# Between polls that nothing woke: a connection may be dead before it is noticed.
POLL_SECONDS = 5.0
DISCONNECTED_POLL_SECONDS = 1.0


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


class MissedEventPoller:
    """Reads now and then what all waiters of this process wait for.

    One query for all, however many there are; each reads its own execution only when that is over.
    `on_state` gets what is not.
    """

    def __init__(
        self,
        waiters: WaiterRegistry,
        read: Callable[[Sequence[UUID]], Sequence[State]],
        on_state: Callable[[State], None],
    ) -> None:
        self._waiters = waiters
        self._read = read
        self._on_state = on_state
        self._woken = threading.Event()

    def loop(self) -> Loop:
        """Polls now and then, and whenever it is woken."""
        return Loop("missed-event-poller", self._run, self.wake)

    def wake(self) -> None:
        """Poll now, as events may have been missed; any thread may call it."""
        self._woken.set()

    def poll(self) -> None:
        """Read once, and notify the waiters of what has ended or is gone."""
        awaited = self._waiters.awaited_ids()
        if not awaited:
            return
        try:
            states = self._read(awaited)
        except DatabaseUnavailableError as error:
            log.warning("missed_event_poll_failed", waiters=len(awaited), error=str(error))
            return
        gone = set(awaited).difference(state.execution_id for state in states)
        for state in states:
            if state.status in TERMINAL:
                self._waiters.notify_stale(state.execution_id)
            else:
                self._on_state(state)
        for execution_id in gone:
            self._waiters.notify_stale(execution_id)

    def _run(self, context: LoopContext) -> None:
        while not context.is_set():
            listening = self._waiters.listening
            self._woken.wait(POLL_SECONDS if listening else DISCONNECTED_POLL_SECONDS)
            self._woken.clear()
            if not context.is_set():
                self.poll()
