"""Removing what is older than the deployment wants to keep."""

from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import Column, Delete, Engine, Select, Table, bindparam, delete, select
from sqlalchemy.types import DateTime, Integer

from runlet.backoff import Stop
from runlet.clock import Clock
from runlet.execution import ACTIVE, Status
from runlet_postgres.errors import DatabaseUnavailableError
from runlet_postgres.execution_tables import dead_letters, executions, outbox, run_allowances
from runlet_telemetry.metrics import RETENTION_REMOVED

log = structlog.get_logger()

BATCH_SIZE = 500
# Between batches, so that the database has time for the runs of the day.
PAUSE_SECONDS = 0.2
# What was run more than a minute ago counts no more.
KEEP_ALLOWANCES = timedelta(hours=1)

_BEFORE = bindparam("before", type_=DateTime(timezone=True))
_SIZE = bindparam("size", type_=Integer)


def _remove(table: Table, key: Column[Any], old: Select[Any]) -> Delete:
    batch = old.limit(_SIZE).with_for_update(of=table, skip_locked=True)
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
    """Removes in small batches; any number may work side by side.

    A row may be megabytes, so a batch that the database does not finish in time is halved, down to
    one row, and one that it finishes is followed by a larger one.
    """

    def __init__(self, engine: Engine, clock: Clock, keep: timedelta) -> None:
        self._engine = engine
        self._clock = clock
        self._keep = dict.fromkeys(_STATEMENTS, keep) | {"run_allowances": KEEP_ALLOWANCES}

    def turn(self, stop: Stop) -> None:
        """Remove all that is too old, or as much as there is time for before the stop.

        A table that cannot be cleaned keeps no other from it; the first failure is raised last,
        which is DatabaseUnavailableError when the database cannot be used now.
        """
        failures: list[Exception] = []
        for table in TABLES:
            try:
                self._remove_from(table, stop)
            except Exception as error:  # noqa: BLE001 (the first of them is raised below)
                log.warning("retention_failed", table=table, error=repr(error))
                failures.append(error)
            if stop.is_set():
                break
        if failures:
            raise failures[0]

    def _remove_from(self, table: str, stop: Stop) -> None:
        size = BATCH_SIZE
        while True:
            try:
                is_last = self._remove_batch(table, size) < size
            except DatabaseUnavailableError as error:
                if size == 1:
                    raise
                size //= 2
                log.warning("retention_batch_halved", table=table, size=size, error=str(error))
                is_last = False
            else:
                size = min(2 * size, BATCH_SIZE)
            if is_last or stop.wait(PAUSE_SECONDS):
                return

    def _remove_batch(self, table: str, size: int) -> int:
        values = {"before": self._clock.now() - self._keep[table], "size": size}
        with self._engine.begin() as connection:
            removed = connection.execute(_STATEMENTS[table], values).rowcount
        if removed:
            RETENTION_REMOVED.labels(table).inc(removed)
            log.info("old_rows_removed", table=table, count=removed)
        return removed
