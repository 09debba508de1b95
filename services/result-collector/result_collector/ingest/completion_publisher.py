"""Telling whoever waits that an execution has ended, and how."""

from collections.abc import Mapping
from concurrent.futures import Future
from functools import partial
from typing import Any, Protocol

import msgspec
import structlog

from result_collector.ingest.statements import ENDED_COLUMNS, RESULT_COLUMNS
from runlet.messages import CallbackRequested, ExecutionEnded
from runlet_amqp import envelopes
from runlet_amqp.envelopes import Envelope

log = structlog.get_logger()


class Publishes(Protocol):
    """The part of runlet_amqp.publisher.Publisher that is used here."""

    def publish(self, message: Envelope) -> "Future[None]":
        """Hand a message over; the future is done when it is confirmed."""
        ...


class Tells(Protocol):
    """Hears of ends; see Endings."""

    def tell(self, row: Mapping[str, Any], traceparent: str | None) -> None:
        """Tell the end of an execution, given as it was stored."""
        ...


class Endings:
    """Tells ends that are committed, and waits for nobody.

    An end that is not heard of does no harm: whoever waits reads the row after a while, and the
    sweep finds callbacks that nobody asked for.
    """

    def __init__(self, publisher: Publishes) -> None:
        self._publisher = publisher

    def tell(self, row: Mapping[str, Any], traceparent: str | None) -> None:
        """Tell the end of an execution, given as it was stored, and ask for its callback."""
        self._ask_for_callback(row, traceparent)
        try:
            ended = _ended(row)
        except msgspec.ValidationError as error:
            # Stored by a version that knew other fields; the end itself is safe.
            log.warning("ending_not_told", execution_id=str(row["id"]), error=str(error))
            return
        future = self._publisher.publish(envelopes.ended(ended, traceparent))
        future.add_done_callback(partial(_note_failure, str(ended.execution_id)))

    def _ask_for_callback(self, row: Mapping[str, Any], traceparent: str | None) -> None:
        if row["callback_attempt"] is None:
            return
        request = CallbackRequested(row["id"], row["callback_attempt"])
        future = self._publisher.publish(envelopes.callback(request, traceparent))
        future.add_done_callback(partial(_leave_to_sweep, str(request.execution_id)))


def _ended(row: Mapping[str, Any]) -> ExecutionEnded:
    values = {name: row[name] for name in ("session_id", *ENDED_COLUMNS)}
    result = {name: row[name] for name in RESULT_COLUMNS}
    return msgspec.convert({**values, "execution_id": row["id"], "result": result}, ExecutionEnded)


def _note_failure(execution_id: str, future: "Future[None]") -> None:
    if (error := future.exception()) is not None:
        log.warning("ending_not_told", execution_id=execution_id, error=str(error))


def _leave_to_sweep(execution_id: str, future: "Future[None]") -> None:
    if (error := future.exception()) is not None:
        log.warning("callback_left_to_sweep", execution_id=execution_id, error=str(error))
