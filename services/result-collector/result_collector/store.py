"""Storing deliveries: a batch in one transaction, and apart from it what would spoil it."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DataError, IntegrityError

from result_collector import dead_letters, events, handlers, statements
from result_collector.dead_letters import DeadLetter
from result_collector.handlers import Change
from runlet import tracing
from runlet.broker import topology
from runlet.broker.consumer import Delivery
from runlet.clock import Clock
from runlet.executions import TERMINAL
from runlet.messages import InvalidMessageError

log = structlog.get_logger()

# One event is at fault for these, not the database: the same event will fail again.
EVENT_ERRORS = (DataError, IntegrityError, ValueError, OverflowError)


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
    """Applies deliveries to the database; applying one again changes nothing."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def apply(self, deliveries: Sequence[Delivery]) -> list[Stored]:
        """Apply a batch; an event that cannot be stored is kept as a dead letter.

        Raises one of SQLAlchemy's errors when the database cannot be used now.
        """
        if len(deliveries) > 1:
            try:
                with self._engine.begin() as connection:
                    return [self._apply(connection, delivery) for delivery in deliveries]
            except EVENT_ERRORS as error:
                log.warning("batch_split", size=len(deliveries), error=str(error))
        return [self._apply_alone(delivery) for delivery in deliveries]

    def _apply_alone(self, delivery: Delivery) -> Stored:
        try:
            with self._connection_for(delivery) as connection:
                return self._apply(connection, delivery)
        except EVENT_ERRORS as error:
            with self._engine.begin() as connection:
                return self._refuse(connection, delivery, str(error))

    def _connection_for(self, delivery: Delivery) -> AbstractContextManager[Connection]:
        """An event writes with one statement, which saves a BEGIN and a COMMIT when it is alone."""
        if delivery.queue == topology.DEAD_QUEUE:
            return self._engine.begin()
        return self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")

    def _apply(self, connection: Connection, delivery: Delivery) -> Stored:
        if delivery.queue == topology.DEAD_QUEUE:
            return self._give_up(connection, delivery)
        try:
            change = handlers.by_event(events.read(delivery))
        except InvalidMessageError as error:
            return self._refuse(connection, delivery, str(error))
        stored = _transition(connection, change, delivery.traceparent)
        if stored is None:
            return self._refuse(connection, delivery, "No execution has this id.")
        return stored

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
    row = connection.execute(change.statement, change.parameters).mappings().first()
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
