"""How many requests wait to be confirmed by the broker, and for how long the oldest has."""

import math
from typing import Any

import structlog
from sqlalchemy import Engine, Float, Select, cast, extract, func, select

from runlet.execution import Status
from runlet_postgres.errors import DatabaseUnavailableError
from runlet_postgres.execution_tables import executions, outbox
from runlet_telemetry.metrics import OUTBOX_MESSAGES, OUTBOX_OLDEST_SECONDS
from runlet_telemetry.supervision import Loop, LoopContext

log = structlog.get_logger()

EVERY_SECONDS = 5.0


class OutboxGauges:
    """Measures the outbox now and then; the gauges are NaN while it cannot be seen."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        _set(math.nan, math.nan)

    def loop(self) -> Loop:
        """Measures every EVERY_SECONDS."""
        return Loop("outbox-gauges", self._run, period_seconds=EVERY_SECONDS)

    def measure(self) -> None:
        """Measure once."""
        try:
            with self._engine.begin() as connection:
                count, age = connection.execute(_MEASURE).one()
        except DatabaseUnavailableError as error:
            log.warning("outbox_measurement_failed", error=str(error))
            _set(math.nan, math.nan)
        else:
            _set(count, max(0.0, age or 0.0))

    def _run(self, context: LoopContext) -> None:
        while not context.is_set():
            self.measure()
            context.wait(EVERY_SECONDS)


def _set(count: float, age: float) -> None:
    OUTBOX_MESSAGES.set(count)
    OUTBOX_OLDEST_SECONDS.set(age)


def _measure_statement() -> Select[Any]:
    """What is over needs no runner, and its row goes soon."""
    age = cast(extract("epoch", func.now() - func.min(outbox.c.created_at)), Float)
    return (
        select(func.count(), age)
        .select_from(outbox)
        .join(executions, executions.c.id == outbox.c.execution_id)
        .where(executions.c.status == Status.QUEUED)
    )


_MEASURE = _measure_statement()
