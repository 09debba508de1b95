"""Publishing that an execution is over, and how, once that is committed."""

import threading
from collections.abc import Mapping
from concurrent.futures import Future
from functools import partial
from typing import Any, Protocol

import msgspec
import structlog

from runlet.messages import CallbackRequested, ExecutionEnded
from runlet_amqp import envelopes
from runlet_amqp.envelopes import Envelope
from runlet_postgres.execution_rows import read_row

log = structlog.get_logger()

# Bodies that the broker has not confirmed yet, which the publisher keeps until then.
MAX_UNCONFIRMED_BYTES = 8 * 1024 * 1024
CONFIRM_SECONDS = 2.0


class Publishes(Protocol):
    """The part of runlet_amqp.publisher.Publisher that is used here."""

    def publish(self, message: Envelope) -> "Future[None]":
        """Hand a message over; the future is done when it is confirmed."""
        ...


class Completions(Protocol):
    """Takes executions that have ended; see CompletionPublisher."""

    def publish(self, row: Mapping[str, Any], traceparent: str | None) -> None:
        """Publish the end of an execution, given as it was stored."""
        ...


class CompletionPublisher:
    """Publishes ends that are committed; any thread may call it.

    An end that is not published does no harm: those who wait read the row after a while, and the
    sweep finds callbacks that were not requested.
    """

    def __init__(
        self, publisher: Publishes, max_unconfirmed_bytes: int = MAX_UNCONFIRMED_BYTES
    ) -> None:
        self._publisher = publisher
        self._max_unconfirmed_bytes = max_unconfirmed_bytes
        self._unconfirmed_bytes = 0
        self._confirmed = threading.Condition()

    def publish(self, row: Mapping[str, Any], traceparent: str | None) -> None:
        """Publish the end of an execution, given as it was stored, and request its callback.

        Waits up to CONFIRM_SECONDS while too much is not confirmed yet.
        """
        self._request_callback(row, traceparent)
        try:
            ended = read_row(row, ExecutionEnded)
        except msgspec.ValidationError as error:
            # Stored by a version that knew other fields; the end itself is safe.
            _log_not_published(str(row["id"]), error)
            return
        self._publish(envelopes.ended(ended, traceparent))

    def _publish(self, message: Envelope) -> None:
        size = len(message.body)
        if not self._reserve(size):
            _log_not_published(message.execution_id, TimeoutError("The broker confirms nothing."))
            return
        future = self._publisher.publish(message)
        future.add_done_callback(partial(self._release, size, message.execution_id))

    def _reserve(self, size: int) -> bool:
        with self._confirmed:
            has_room = self._confirmed.wait_for(lambda: self._has_room(size), CONFIRM_SECONDS)
            if has_room:
                self._unconfirmed_bytes += size
            return has_room

    def _has_room(self, size: int) -> bool:
        """One that is too large on its own goes alone."""
        in_flight = self._unconfirmed_bytes
        return in_flight == 0 or in_flight + size <= self._max_unconfirmed_bytes

    def _release(self, size: int, execution_id: str | None, future: "Future[None]") -> None:
        with self._confirmed:
            self._unconfirmed_bytes -= size
            self._confirmed.notify_all()
        if (error := future.exception()) is not None:
            _log_not_published(execution_id, error)

    def _request_callback(self, row: Mapping[str, Any], traceparent: str | None) -> None:
        if row["callback_attempt"] is None:
            return
        request = CallbackRequested(row["id"], row["callback_attempt"])
        future = self._publisher.publish(envelopes.callback(request, traceparent))
        future.add_done_callback(partial(_leave_to_sweep, str(request.execution_id)))


def _log_not_published(execution_id: str | None, error: BaseException) -> None:
    log.warning("completion_publish_failed", execution_id=execution_id, error=str(error))


def _leave_to_sweep(execution_id: str, future: "Future[None]") -> None:
    if (error := future.exception()) is not None:
        log.warning("callback_publish_failed", execution_id=execution_id, error=str(error))
