"""Handing committed requests to the broker, and forgetting those it has."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

import msgspec
import structlog
from sqlalchemy import Delete, Engine, delete, select, tuple_

from runlet import messages, topology
from runlet.execution import FIRST_ATTEMPT
from runlet_amqp.envelopes import Envelope
from runlet_amqp.publisher import Publisher
from runlet_postgres.errors import DatabaseUnavailableError
from runlet_postgres.execution_tables import outbox
from runlet_telemetry.supervision import Loop, LoopContext

log = structlog.get_logger()

CLEANUP_SECONDS = 0.5
CLEANUP_BATCH_SIZE = 1000

_ROW = tuple_(outbox.c.execution_id, outbox.c.attempt)


@dataclass(frozen=True)
class StoredRequest:
    """A committed request; `body` is the message of the first attempt, queued when it was made."""

    execution_id: UUID
    language: str
    body: str
    traceparent: str | None
    attempt: int
    queued_at: datetime

    def message(self) -> Envelope:
        """The request for this attempt, on its way to the runners of its language."""
        return Envelope(
            exchange=topology.RUNS,
            routing_key=self.language,
            type=messages.TYPE_NAMES[messages.RunRequested],
            body=self._body(),
            execution_id=str(self.execution_id),
            traceparent=self.traceparent,
        )

    def _body(self) -> bytes:
        if self.attempt == FIRST_ATTEMPT:
            return self.body.encode()
        # As a plain object: whether the rest still makes sense is for the runner to say.
        stored = msgspec.json.decode(self.body)
        changed = {
            "attempt": self.attempt,
            "first_attempt": self.attempt,
            "queued_at": self.queued_at,
        }
        return msgspec.json.encode({**stored, **changed})


class Outbox:
    """Publishes requests without making anybody wait.

    A request's outbox row is removed once the broker has confirmed it; a loop does that for many
    rows at once. What the broker did not confirm stays for the relay.
    """

    def __init__(self, publisher: Publisher, engine: Engine) -> None:
        self._publisher = publisher
        self._engine = engine
        # With its attempt: a row of the same execution may ask for a later one by now.
        self._confirmed: list[tuple[UUID, int]] = []
        self._lock = threading.Lock()

    def loop(self) -> Loop:
        """Removes the rows of confirmed requests; when it is stopped, all there are until then."""
        return Loop("outbox", self._run)

    def publish(self, request: StoredRequest) -> None:
        """Publish a request whose row is committed; any thread may call it."""
        future = self._publisher.publish(request.message())
        future.add_done_callback(partial(self._on_confirm, request.execution_id, request.attempt))

    def _on_confirm(self, execution_id: UUID, attempt: int, future: "Future[None]") -> None:
        error = future.exception()
        if error is not None:
            log.warning("request_publish_failed", execution_id=str(execution_id), error=str(error))
            return
        with self._lock:
            self._confirmed.append((execution_id, attempt))

    def _run(self, context: LoopContext) -> None:
        while not context.wait(CLEANUP_SECONDS):
            self._delete_confirmed()
        self._delete_confirmed()

    def _delete_confirmed(self) -> None:
        with self._lock:
            confirmed, self._confirmed = self._confirmed, []
        if not confirmed:
            return
        try:
            with self._engine.connect() as connection:
                for start in range(0, len(confirmed), CLEANUP_BATCH_SIZE):
                    batch = confirmed[start : start + CLEANUP_BATCH_SIZE]
                    connection.execute(_delete_unlocked(batch))
        except DatabaseUnavailableError as error:
            log.warning("outbox_cleanup_failed", count=len(confirmed), error=repr(error))
            with self._lock:
                self._confirmed.extend(confirmed)


def _delete_unlocked(rows: Sequence[tuple[UUID, int]]) -> Delete:
    # A relay that is publishing one of them holds it locked, for ever if it is frozen. It is left
    # to that relay, or to the next one, which sees that it is no longer waited for.
    unlocked = select(outbox.c.execution_id).where(_ROW.in_(rows)).with_for_update(skip_locked=True)
    return delete(outbox).where(outbox.c.execution_id.in_(unlocked))
