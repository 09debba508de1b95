"""Callbacks in PostgreSQL."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Engine

from result_collector.callbacks import statements
from result_collector.callbacks.delivery_result import DeliveryResult
from result_collector.callbacks.sender import Attempt
from runlet import callback_events
from runlet.clock import Clock
from runlet_postgres.execution_rows import COLUMN_NAMES


@dataclass(frozen=True)
class Recovered:
    """A callback that nothing had happened to for too long.

    `next_attempt` is the attempt to ask for; None when it was given up for `problem`. `traceparent`
    is that of the execution.
    """

    execution_id: UUID
    attempts: int
    next_attempt: int | None
    traceparent: str | None
    problem: str = statements.INTERRUPTED


class CallbackStore:
    """Notes what becomes of callbacks; the engine must be in autocommit mode.

    Every method raises DatabaseUnavailableError when the database cannot be used now.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def begin(self, execution_id: UUID, attempt: int) -> Attempt | None:
        """Begin this attempt; None when it was begun before, or is not wanted any more."""
        at = self._clock.now()
        values = {"of_execution": execution_id, "number": attempt, "moment": at}
        with self._engine.connect() as connection:
            row = connection.execute(statements.BEGIN, values).mappings().first()
        if row is None:
            return None
        execution = {name: row[name] for name in COLUMN_NAMES}
        return Attempt(execution_id, attempt, row["first_attempt"], at, row["url"], execution)

    def conclude(
        self, attempt: Attempt, result: DeliveryResult, delay_seconds: float | None
    ) -> bool:
        """Note the outcome of an attempt; a failed one is the last without `delay_seconds`.

        False when the callback did not wait for this outcome any more.
        """
        values = {
            "of_execution": attempt.execution_id,
            "number": attempt.number,
            "moment": self._clock.now(),
            "new_status": _status(result, delay_seconds),
            "delay": timedelta(seconds=delay_seconds or 0),
            "new_http_status": result.http_status,
            "new_problem": result.problem,
            "event": callback_events.FAILED if result.problem else callback_events.DELIVERED,
        }
        with self._engine.connect() as connection:
            return connection.execute(statements.CONCLUDE, values).first() is not None

    def find_failure(self, execution_id: UUID, attempt: int) -> str | None:
        """Why a callback was given up with this attempt; None when it was not."""
        values = {"of_execution": execution_id, "number": attempt}
        with self._engine.connect() as connection:
            return connection.execute(statements.FIND_FAILED, values).scalar_one_or_none()

    def recover(self, quiet: timedelta, most_attempts: int, room: int) -> list[Recovered]:
        """Take hold of at most `room` callbacks that were to be seen to `quiet` ago, and were not.

        Each is taken by one caller, and not again before it was quiet once more.
        """
        values = {"quiet": quiet, "most": most_attempts, "room": room, "moment": self._clock.now()}
        with self._engine.connect() as connection:
            rows = connection.execute(statements.RECOVER, values).all()
        return [
            Recovered(id_, attempts, attempts + 1 if status == statements.PENDING else None, trace)
            for id_, attempts, status, trace in rows
        ]


def _status(result: DeliveryResult, delay_seconds: float | None) -> str:
    if result.problem is None:
        return statements.DELIVERED
    return statements.FAILED if delay_seconds is None else statements.PENDING
