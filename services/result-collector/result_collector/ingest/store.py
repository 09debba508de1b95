"""Storing what deliveries change: a batch in one transaction, or one apart from the others."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Connection, Engine

from result_collector.ingest import dead_letters, statements
from result_collector.ingest.changes import Change
from result_collector.ingest.dead_letters import DeadLetter
from result_collector.ingest.pending_writes import PendingWrite
from runlet.clock import Clock
from runlet.execution import TERMINAL
from runlet_amqp.consumer import Delivery
from runlet_postgres import engines
from runlet_postgres.errors import InvalidDataError
from runlet_telemetry import tracing

log = structlog.get_logger()

# One event is at fault for these, not the database: the same event will fail again.
EVENT_ERRORS = (InvalidDataError, ValueError, OverflowError)

_UNKNOWN_EXECUTION = "No execution has this id."


@dataclass(frozen=True)
class Stored:
    """What became of one delivery.

    `session_id` is that of the execution `change` is about; `changed` is False when the change
    came too late or a second time. `ended` is the execution as it is stored, if this ended it.
    """

    change: Change | None = None
    session_id: UUID | None = None
    changed: bool = False
    letter: DeadLetter | None = None
    ended: Mapping[str, Any] | None = None
    traceparent: str | None = None


class Store:
    """Applies changes to the database; applying one again changes nothing.

    The engine must be in autocommit mode. Every method raises DatabaseUnavailableError when the
    database cannot be used now.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def apply(self, writes: Sequence[PendingWrite]) -> list[Stored]:
        """Apply all or nothing; gives what became of each, in the order of `writes`.

        Raises one of EVENT_ERRORS when one of them can never be stored.
        """
        if len(writes) == 1:
            with self._connection_for(writes[0]) as connection:
                return [self._apply(connection, writes[0])]
        # In one order in every collector, so that they wait for each other instead of deadlocking.
        order = sorted(range(len(writes)), key=lambda index: writes[index].lock_key)
        with engines.transaction(self._engine) as connection:
            stored = {index: self._apply(connection, writes[index]) for index in order}
        return [stored[index] for index in range(len(writes))]

    def apply_or_refuse(self, write: PendingWrite) -> Stored:
        """Apply one; what can never be stored is kept as a dead letter."""
        try:
            return self.apply([write])[0]
        except EVENT_ERRORS as error:
            with engines.transaction(self._engine) as connection:
                return self._refuse(connection, write.delivery, str(error))

    def _connection_for(self, write: PendingWrite) -> AbstractContextManager[Connection]:
        """An event writes with one statement, which saves a BEGIN and a COMMIT when it is alone."""
        if write.letter is not None:
            return engines.transaction(self._engine)
        return self._engine.connect()

    def _apply(self, connection: Connection, write: PendingWrite) -> Stored:
        if write.problem:
            return self._refuse(connection, write.delivery, write.problem)
        if write.letter is not None:
            _keep(connection, write.letter, self._clock.now())
        if write.change is None:
            return Stored(letter=write.letter)
        stored = _transition(connection, write.change, write.delivery.traceparent)
        if write.letter is not None:
            return replace(stored or Stored(), letter=write.letter)
        return stored or self._refuse(connection, write.delivery, _UNKNOWN_EXECUTION)

    def _refuse(self, connection: Connection, delivery: Delivery, problem: str) -> Stored:
        letter = dead_letters.from_event(delivery)
        with tracing.logged(delivery.traceparent):
            log.error(
                "event_refused",
                execution_id=str(letter.execution_id),
                type=letter.type,
                error=problem,
            )
        _keep(connection, letter, self._clock.now())
        return Stored(letter=letter)


def _transition(connection: Connection, change: Change, traceparent: str | None) -> Stored | None:
    """Apply a change where it may be applied; None for an unknown execution."""
    row = change.statement.execute(connection, change.parameters).mappings().first()
    if row is None:
        return None
    changed = row["changed"]
    ended = dict(row) if changed and change.status in TERMINAL else None
    return Stored(change, row["session_id"], changed, ended=ended, traceparent=traceparent)


def _keep(connection: Connection, letter: DeadLetter, at: datetime) -> None:
    values = {
        "new_id": letter.id,
        "new_execution_id": letter.execution_id,
        "new_reason": letter.reason,
        "new_attempts": letter.attempts,
        "new_at": at,
        "new_type": letter.type,
        "new_body": letter.body,
    }
    connection.execute(statements.KEEP_DEAD_LETTER, values)
