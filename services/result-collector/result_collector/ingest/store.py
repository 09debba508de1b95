"""Storing deliveries: a batch in one transaction, and apart from it what would spoil it."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Connection, Engine

from result_collector.ingest import batch_entries, dead_letters, handlers, statements
from result_collector.ingest.batch_entries import Unit
from result_collector.ingest.dead_letters import DeadLetter
from result_collector.ingest.handlers import Change
from runlet import topology
from runlet.clock import Clock
from runlet.execution import TERMINAL
from runlet_amqp.consumer import Delivery
from runlet_postgres import engines
from runlet_postgres.errors import InvalidDataError
from runlet_telemetry import tracing

log = structlog.get_logger()

# One event is at fault for these, not the database: the same event will fail again.
EVENT_ERRORS = (InvalidDataError, ValueError, OverflowError)


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
    came_along: bool = False


class Store:
    """Applies deliveries to the database; applying one again changes nothing.

    The engine must be in autocommit mode.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def apply(self, deliveries: Sequence[Delivery]) -> list[Stored]:
        """Apply a batch; an event that cannot be stored is kept as a dead letter.

        Raises one of SQLAlchemy's errors when the database cannot be used now.
        """
        if len(deliveries) > 1:
            try:
                return self._apply_together(batch_entries.of(deliveries))
            except EVENT_ERRORS as error:
                log.warning("batch_split", size=len(deliveries), error=str(error))
        return [
            stored
            for unit in map(batch_entries.read, deliveries)
            for stored in self._apply_alone(unit)
        ]

    def _apply_together(self, whole: Sequence[Unit]) -> list[Stored]:
        if len(whole) == 1:
            with self._connection_for(whole[0].delivery) as connection:
                return self._apply(connection, whole[0])
        with engines.transaction(self._engine) as connection:
            return [stored for unit in whole for stored in self._apply(connection, unit)]

    def _apply_alone(self, unit: Unit) -> list[Stored]:
        try:
            with self._connection_for(unit.delivery) as connection:
                return self._apply(connection, unit)
        except EVENT_ERRORS as error:
            with engines.transaction(self._engine) as connection:
                return [self._refuse(connection, unit.delivery, str(error))]

    def _connection_for(self, delivery: Delivery) -> AbstractContextManager[Connection]:
        """An event writes with one statement, which saves a BEGIN and a COMMIT when it is alone."""
        if delivery.queue == topology.DEAD_QUEUE:
            return engines.transaction(self._engine)
        return self._engine.connect()

    def _apply(self, connection: Connection, unit: Unit) -> list[Stored]:
        delivery, event = unit.delivery, unit.event
        if delivery.queue == topology.DEAD_QUEUE:
            return [self._give_up(connection, delivery)]
        if event is None:
            return [self._refuse(connection, delivery, unit.problem)]
        change = handlers.by_event(event, unit.begun)
        stored = _transition(connection, change, delivery.traceparent)
        if stored is None:
            refused = (each.delivery for each in batch_entries.apart(unit))
            return [self._refuse(connection, each, "No execution has this id.") for each in refused]
        if unit.begun is None:
            return [stored]
        began = handlers.by_event(unit.begun)
        return [replace(stored, change=began, ended=None, came_along=True), stored]

    def _give_up(self, connection: Connection, delivery: Delivery) -> Stored:
        letter = dead_letters.from_request(delivery)
        now = self._clock.now()
        _keep(connection, letter, now)
        if letter.execution_id is None:
            return Stored(letter=letter)
        change = handlers.by_dead_letter(letter, letter.execution_id, now)
        stored = _transition(connection, change, delivery.traceparent) or Stored()
        return replace(stored, letter=letter)

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
