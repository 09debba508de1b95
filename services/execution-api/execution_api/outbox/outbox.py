"""Handing committed requests to the broker, and forgetting those it has."""

import threading
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

import msgspec
import structlog
from sqlalchemy import Engine, delete, tuple_
from sqlalchemy.exc import SQLAlchemyError

from execution_api.tables import FIRST_ATTEMPT, outbox
from runlet import messages, topology
from runlet_amqp.envelopes import Envelope
from runlet_amqp.publisher import Publisher

log = structlog.get_logger()

FORGET_EVERY_SECONDS = 0.5

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

    A request's outbox row is removed once the broker has confirmed it; a thread does that for
    many rows at once. What the broker did not confirm stays for the relay.
    """

    def __init__(self, publisher: Publisher, engine: Engine) -> None:
        self._publisher = publisher
        self._engine = engine
        # With its attempt: a row of the same execution may ask for a later one by now.
        self._confirmed: list[tuple[UUID, int]] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)

    def start(self) -> None:
        """Begin to remove rows of confirmed requests."""
        self._thread.start()

    def close(self) -> None:
        """Remove the rows of everything confirmed so far, then stop."""
        self._stopping.set()
        self._thread.join()

    def hand_over(self, request: StoredRequest) -> None:
        """Publish a request whose row is committed."""
        future = self._publisher.publish(request.message())
        future.add_done_callback(partial(self._settle, request.execution_id, request.attempt))

    def _settle(self, execution_id: UUID, attempt: int, future: "Future[None]") -> None:
        error = future.exception()
        if error is not None:
            log.warning("publish_deferred", execution_id=str(execution_id), error=str(error))
            return
        with self._lock:
            self._confirmed.append((execution_id, attempt))

    def _run(self) -> None:
        stopping = False
        while not stopping:
            stopping = self._stopping.wait(FORGET_EVERY_SECONDS)
            self._forget_confirmed()

    def _forget_confirmed(self) -> None:
        with self._lock:
            confirmed, self._confirmed = self._confirmed, []
        if not confirmed:
            return
        try:
            with self._engine.connect() as connection:
                connection.execute(delete(outbox).where(_ROW.in_(confirmed)))
        except SQLAlchemyError as error:
            log.warning("outbox_rows_kept", count=len(confirmed), error=repr(error))
            with self._lock:
                self._confirmed.extend(confirmed)
