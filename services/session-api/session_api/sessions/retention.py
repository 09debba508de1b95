"""Removing sessions that were last saved or closed longer ago than the deployment keeps them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import Engine, and_, delete, func, literal, select, tuple_

from runlet.backoff import Stop
from runlet_postgres.errors import DatabaseUnavailableError
from runlet_telemetry.metrics import RETENTION_REMOVED
from runlet_telemetry.supervision import Loop, LoopContext
from session_api.tables import code_sessions

log = structlog.get_logger()

LOOP_NAME = "session-retention"
TABLE = code_sessions.name
EVERY_SECONDS = 3600.0
BATCH_SIZE = 100
# Between batches, so that the database has time for those who write.
PAUSE_SECONDS = 0.2

_columns = code_sessions.c


@dataclass(frozen=True)
class _Page:
    """Sessions that began long ago: the place of the last, and which were not touched since."""

    last: tuple[datetime, UUID] | None
    untouched: Sequence[UUID]


class SessionRetention:
    """Removes in small batches; any number of processes may work side by side.

    `keep` is the age from which a session goes, counted from its last save or its closing by the
    clock of the database. The engine must be in autocommit mode.
    """

    def __init__(self, engine: Engine, keep: timedelta) -> None:
        self._engine = engine
        self._before = func.now() - literal(keep)
        # A series that is there before anything was removed.
        RETENTION_REMOVED.labels(TABLE)

    def loop(self) -> Loop:
        """The loop that removes what is too old, now and every EVERY_SECONDS."""
        return Loop(LOOP_NAME, self._run, period_seconds=EVERY_SECONDS)

    def remove_old(self, stop: Stop) -> None:
        """Remove all that is too old, or as much as there is time for before the stop.

        Raises DatabaseUnavailableError.
        """
        page = self._next_page(None)
        while page.last is not None and not stop.is_set():
            removed = self._remove(page.untouched)
            if removed:
                RETENTION_REMOVED.labels(TABLE).inc(removed)
                log.info("old_rows_removed", table=TABLE, count=removed)
            stop.wait(PAUSE_SECONDS)
            page = self._next_page(page.last)

    def _run(self, context: LoopContext) -> None:
        while not context.is_set():
            try:
                self.remove_old(context)
            except DatabaseUnavailableError as error:
                log.warning("retention_failed", table=TABLE, error=str(error))
            context.wait(EVERY_SECONDS)

    def _next_page(self, after: tuple[datetime, UUID] | None) -> _Page:
        """By the age of the beginning: an index on the last save would slow down every save."""
        place = tuple_(_columns.created_at, _columns.id)
        conditions = [_columns.created_at < self._before]
        if after is not None:
            conditions.append(place > tuple_(*after))
        statement = (
            select(
                _columns.id, _columns.created_at, (_columns.updated_at < self._before).label("old")
            )
            .where(*conditions)
            .order_by(_columns.created_at, _columns.id)
            .limit(BATCH_SIZE)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(statement).all()
        last = (rows[-1].created_at, rows[-1].id) if rows else None
        return _Page(last, [row.id for row in rows if row.old])

    def _remove(self, ids: Sequence[UUID]) -> int:
        # Looked at again under the lock: it may have been saved meanwhile.
        locked = (
            select(_columns.id)
            .where(and_(_columns.id.in_(ids), _columns.updated_at < self._before))
            .with_for_update(skip_locked=True)
        )
        with self._engine.connect() as connection:
            return connection.execute(delete(code_sessions).where(_columns.id.in_(locked))).rowcount
