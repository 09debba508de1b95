"""Removing what is older than the deployment wants to keep."""

from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import Column, Delete, Engine, Select, Table, bindparam, delete, select
from sqlalchemy.types import DateTime

from runlet_postgres.execution_tables import dead_letters, executions, outbox, run_allowances
from runlet.clock import Clock
from runlet.execution import ACTIVE, Status
from runlet.lifecycle import StopSignal
from runlet_telemetry.metrics import RETENTION_REMOVED

log = structlog.get_logger()

BATCH_SIZE = 500
# Between batches, so that the database has time for the runs of the day.
PAUSE_SECONDS = 0.2
# What was run more than a minute ago counts no more.
KEEP_ALLOWANCES = timedelta(hours=1)

_BEFORE = bindparam("before", type_=DateTime(timezone=True))


def _remove(table: Table, key: Column[Any], old: Select[Any]) -> Delete:
    batch = old.limit(BATCH_SIZE).with_for_update(of=table, skip_locked=True)
    return delete(table).where(key.in_(batch))


# Nothing ends before it begins; the age of its beginning is what an index knows.
_OLD_EXECUTIONS = select(executions.c.id).where(
    executions.c.created_at < _BEFORE,
    executions.c.finished_at < _BEFORE,
    executions.c.status.not_in(ACTIVE),
)
_OLD_OUTBOX = (
    select(outbox.c.execution_id)
    .join(executions, executions.c.id == outbox.c.execution_id)
    .where(outbox.c.created_at < _BEFORE, executions.c.status != Status.QUEUED)
)
_OLD_DEAD_LETTERS = select(dead_letters.c.id).where(dead_letters.c.at < _BEFORE)
_OLD_ALLOWANCES = select(run_allowances.c.subject).where(run_allowances.c.updated_at < _BEFORE)

# Events and outbox rows go with their execution.
_STATEMENTS = {
    "executions": _remove(executions, executions.c.id, _OLD_EXECUTIONS),
    "outbox": _remove(outbox, outbox.c.execution_id, _OLD_OUTBOX),
    "dead_letters": _remove(dead_letters, dead_letters.c.id, _OLD_DEAD_LETTERS),
    "run_allowances": _remove(run_allowances, run_allowances.c.subject, _OLD_ALLOWANCES),
}
TABLES = tuple(_STATEMENTS)


class Retention:
    """Removes in small batches; any number may work side by side."""

    def __init__(self, engine: Engine, clock: Clock, keep: timedelta, stop: StopSignal) -> None:
        self._engine = engine
        self._clock = clock
        self._keep = dict.fromkeys(_STATEMENTS, keep) | {"run_allowances": KEEP_ALLOWANCES}
        self._stop = stop

    def turn(self) -> None:
        """Remove all that is too old, or as much as there is time for before the stop.

        Raises one of SQLAlchemy's errors when the database cannot be used now.
        """
        for table, statement in _STATEMENTS.items():
            while self._remove_batch(table, statement) == BATCH_SIZE:
                if self._stop.wait(PAUSE_SECONDS):
                    return

    def _remove_batch(self, table: str, statement: Delete) -> int:
        values = {"before": self._clock.now() - self._keep[table]}
        with self._engine.begin() as connection:
            removed = connection.execute(statement, values).rowcount
        if removed:
            RETENTION_REMOVED.labels(table).inc(removed)
            log.info("old_rows_removed", table=table, count=removed)
        return removed
