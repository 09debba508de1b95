"""Publishing what was committed but never confirmed by the broker."""

from collections.abc import Callable, Sequence
from concurrent.futures import wait
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Connection, Engine, Row, Select, delete, func, select
from sqlalchemy.exc import SQLAlchemyError

from execution_api.outbox.outbox import StoredRequest
from runlet.clock import Clock
from runlet.execution import Status
from runlet.lifecycle import StopSignal
from runlet_amqp.publisher import Publisher
from runlet_postgres.execution_tables import executions, outbox
from runlet_telemetry import tracing
from runlet_telemetry.metrics import OUTBOX_RELAYED

log = structlog.get_logger()

BATCH_SIZE = 100
# The API removes the rows of what it published itself well within this time.
MINIMUM_AGE = timedelta(seconds=2)
PAUSE_SECONDS = 0.5
CONFIRM_SECONDS = 20.0
# Longer than the slowest turn of the loop, which waits for the database and for confirms.
ALIVE_SECONDS = 60.0


class OutboxRelay:
    """Moves requests from the outbox to the broker; several may run side by side.

    `measure` is called again and again, also while the broker is away.
    """

    def __init__(
        self,
        engine: Engine,
        publisher: Publisher,
        languages: Sequence[str],
        clock: Clock,
        measure: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._publisher = publisher
        self._due = _due(languages)
        self._clock = clock
        self._measure = measure
        self._last_turn = clock.monotonic()

    @property
    def alive(self) -> bool:
        """Whether the loop still turns."""
        return self._clock.monotonic() - self._last_turn < ALIVE_SECONDS

    def run(self, stop: StopSignal) -> None:
        """Relay until `stop` is set."""
        while not stop.is_set():
            self._last_turn = self._clock.monotonic()
            if self._turn() < BATCH_SIZE:
                stop.wait(PAUSE_SECONDS)

    def _turn(self) -> int:
        try:
            self._measure()
            return self.relay_batch() if self._publisher.connected else 0
        except SQLAlchemyError as error:
            log.warning("outbox_not_readable", error=str(error))
            return 0

    def relay_batch(self) -> int:
        """Publish one batch, oldest first; gives how many rows have left the outbox.

        Rows stay locked until the broker has confirmed, so that no other relay sends them too.
        """
        with self._engine.begin() as connection:
            rows = connection.execute(self._due).all()
            waiting = [row for row in rows if _is_waited_for(row)]
            obsolete = [row.execution_id for row in rows if not _is_waited_for(row)]
            settled = obsolete + self._publish(waiting)
            _remove(connection, settled)
        return len(settled)

    def _publish(self, rows: Sequence[Row[Any]]) -> list[UUID]:
        sent = {}
        for row in rows:
            message = _stored_request(row).message()
            sent[self._publisher.publish(message)] = row
        done, _late = wait(sent, timeout=CONFIRM_SECONDS)
        confirmed = [sent[future] for future in done if future.exception() is None]
        for row in confirmed:
            with tracing.logged(row.traceparent):
                log.info("execution_relayed", execution_id=str(row.execution_id))
        OUTBOX_RELAYED.inc(len(confirmed))
        return [row.execution_id for row in confirmed]


def _due(languages: Sequence[str]) -> Select[Any]:
    # Requests of a language that is not offered have no queue; they must not hold up the others.
    return (
        select(
            outbox.c.execution_id,
            outbox.c.traceparent,
            outbox.c.attempt,
            executions.c.language,
            executions.c.request,
            executions.c.status,
            executions.c.attempts,
            executions.c.queued_at,
        )
        .join(executions, executions.c.id == outbox.c.execution_id)
        .where(outbox.c.created_at < func.now() - MINIMUM_AGE, executions.c.language.in_(languages))
        .order_by(outbox.c.created_at)
        .limit(BATCH_SIZE)
        .with_for_update(of=outbox, skip_locked=True)
    )


def _is_waited_for(row: Row[Any]) -> bool:
    """Whether the attempt is still to come; the broker may have had it without our knowing."""
    begun: bool = row.attempts >= row.attempt
    return row.status == Status.QUEUED and not begun


def _stored_request(row: Row[Any]) -> StoredRequest:
    return StoredRequest(
        execution_id=row.execution_id,
        language=row.language,
        body=row.request,
        traceparent=row.traceparent,
        attempt=row.attempt,
        queued_at=row.queued_at,
    )


def _remove(connection: Connection, execution_ids: Sequence[UUID]) -> None:
    if execution_ids:
        connection.execute(delete(outbox).where(outbox.c.execution_id.in_(execution_ids)))
