"""How many requests wait to be confirmed by the broker, and for how long the oldest has."""

import math
from typing import Any

from sqlalchemy import Engine, Float, Select, cast, extract, func, select
from sqlalchemy.exc import SQLAlchemyError

from runlet.clock import Clock
from runlet.execution import Status
from runlet_postgres.execution_tables import executions, outbox
from runlet_telemetry.metrics import OUTBOX_MESSAGES, OUTBOX_OLDEST_SECONDS

EVERY_SECONDS = 5.0


class OutboxGauges:
    """Looks into the outbox now and then; the gauges are NaN while it cannot be seen."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._due_at = clock.monotonic()
        _set(math.nan, math.nan)

    def measure_when_due(self) -> None:
        """Look, if the last look was a while ago.

        Raises one of SQLAlchemy's errors when the database cannot be used now.
        """
        if self._clock.monotonic() < self._due_at:
            return
        self._due_at = self._clock.monotonic() + EVERY_SECONDS
        try:
            with self._engine.begin() as connection:
                count, age = connection.execute(_LOOK).one()
        except SQLAlchemyError:
            _set(math.nan, math.nan)
            raise
        _set(count, max(0.0, age or 0.0))


def _set(count: float, age: float) -> None:
    OUTBOX_MESSAGES.set(count)
    OUTBOX_OLDEST_SECONDS.set(age)


def _look() -> Select[Any]:
    """What is over needs no runner any more, whoever removes its row."""
    age = cast(extract("epoch", func.now() - func.min(outbox.c.created_at)), Float)
    return (
        select(func.count(), age)
        .select_from(outbox)
        .join(executions, executions.c.id == outbox.c.execution_id)
        .where(executions.c.status == Status.QUEUED)
    )


_LOOK = _look()
