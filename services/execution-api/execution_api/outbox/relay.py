"""Publishing what was committed but never confirmed by the broker."""

from collections.abc import Sequence
from concurrent.futures import Future, wait
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Connection, Engine, Row, Select, bindparam, delete, func, select

from execution_api.outbox.outbox import StoredRequest
from runlet.execution import Status
from runlet_amqp.publisher import Publisher
from runlet_postgres.errors import DatabaseUnavailableError
from runlet_postgres.execution_tables import executions, outbox
from runlet_telemetry import tracing
from runlet_telemetry.metrics import OUTBOX_RELAYED
from runlet_telemetry.supervision import Loop, LoopContext

log = structlog.get_logger()

BATCH_SIZE = 100
# The API removes the rows of what it published itself well within this time.
MINIMUM_AGE = timedelta(seconds=2)
PAUSE_SECONDS = 0.5
CONFIRM_SECONDS = 20.0
# PostgreSQL takes the locks away from a relay that says nothing for longer, as it is frozen.
LOCK_SECONDS = 30.0


class OutboxRelay:
    """Moves requests from the outbox to the broker; several may run side by side."""

    def __init__(
        self,
        engine: Engine,
        publisher: Publisher,
        languages: Sequence[str],
    ) -> None:
        self._engine = engine
        self._publisher = publisher
        self._due = _due(languages)
        # What was handed to the publisher, which may confirm it long after its turn.
        self._in_flight: dict[tuple[UUID, int], Future[None]] = {}

    def loop(self) -> Loop:
        """Relays whatever is due. A turn waits for the database and for confirms, 40 s at most."""
        return Loop("relay", self._run)

    def _run(self, context: LoopContext) -> None:
        while not context.is_set():
            if self._turn() < BATCH_SIZE:
                context.wait(PAUSE_SECONDS)

    def _turn(self) -> int:
        try:
            return self.relay_batch() if self._publisher.connected else 0
        except DatabaseUnavailableError as error:
            log.warning("outbox_read_failed", error=str(error))
            return 0

    def relay_batch(self) -> int:
        """Publish one batch, oldest first; gives how many rows have left the outbox.

        Rows stay locked until the broker has confirmed, so that no other relay sends them too.
        """
        with self._engine.begin() as connection:
            connection.execute(_LIMIT_LOCKS, {"ms": str(round(LOCK_SECONDS * 1000))})
            rows = connection.execute(self._due).all()
            waiting = [row for row in rows if _is_waited_for(row)]
            obsolete = [row.execution_id for row in rows if not _is_waited_for(row)]
            settled = obsolete + self._publish(waiting)
            _remove(connection, settled)
        return len(settled)

    def _publish(self, rows: Sequence[Row[Any]]) -> list[UUID]:
        sent = {self._send(row): row for row in rows}
        done, _late = wait(sent, timeout=CONFIRM_SECONDS)
        confirmed = [sent[future] for future in done if future.exception() is None]
        self._forget_done()
        for row in confirmed:
            with tracing.logged(row.traceparent):
                log.info("execution_relayed", execution_id=str(row.execution_id))
        OUTBOX_RELAYED.inc(len(confirmed))
        return [row.execution_id for row in confirmed]

    def _send(self, row: Row[Any]) -> "Future[None]":
        """Publish a row, unless a turn before has and the broker still owes the confirm."""
        key = (row.execution_id, row.attempt)
        if key not in self._in_flight:
            self._in_flight[key] = self._publisher.publish(_stored_request(row).message())
        return self._in_flight[key]

    def _forget_done(self) -> None:
        left = {key: future for key, future in self._in_flight.items() if not future.done()}
        self._in_flight = left


_LIMIT_LOCKS = select(func.set_config("idle_in_transaction_session_timeout", bindparam("ms"), True))


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
