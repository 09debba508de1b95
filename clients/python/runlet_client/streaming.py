"""Watching an execution over as many connections as it takes; a client only moves the bytes."""

import json
from collections.abc import Iterator
from typing import Any, Literal

from runlet_client import calls
from runlet_client.decoding import decode
from runlet_client.errors import RunletError, UnavailableError, UnexpectedAnswerError
from runlet_client.exchange import Request
from runlet_client.flows import Failure
from runlet_client.models import Execution, Status, StreamEvent
from runlet_client.retries import Retries
from runlet_client.sse import Parser, ServerSentEvent

_BROKEN = "The connection broke before the execution was over. Ask for its status."


class Watch:
    """What was received of one execution, and how to receive the rest.

    For each connection: sleep `pause` seconds, send `request()`, ask whether its status is
    `accepted`, hand every chunk to `heard`, and say with `ended`, `failed` or `refused` how it came
    to its end, until `is_over`.
    """

    def __init__(self, execution_id: str, retries: Retries, last_event_id: str | None) -> None:
        self.is_over = False
        self.pause = 0.0
        self._execution_id = execution_id
        self._retries = retries
        self._parser = Parser(last_event_id)
        self._failures = 0
        self._is_open = False

    def request(self) -> Request:
        """What to send for the next connection."""
        self._is_open = False
        # What an earlier connection left incomplete comes again, whole.
        self._parser = Parser(self._parser.last_id)
        return calls.stream_request(self._execution_id, self._parser.last_id)

    def accepted(self, status_code: int) -> bool:
        """Whether events follow this status."""
        self._is_open = status_code == 200
        return self._is_open

    def heard(self, chunk: bytes) -> Iterator[StreamEvent]:
        """The events that a chunk completes. Raises UnexpectedAnswerError for what is none."""
        for event in self._parser.feed(chunk):
            self._failures = 0
            understood = _understood(event)
            if understood is None:
                continue
            self.is_over = understood.is_last
            yield understood
            if self.is_over:
                return

    def ended(self) -> None:
        """The server closed the connection. Raises UnavailableError when it does that always."""
        if not self.is_over:
            self.refused(UnavailableError(_BROKEN))

    def failed(self, failure: Failure) -> None:
        """The connection broke. Raises the error when it is not to try again."""
        # A program may be silent, or queued, for longer than a connection may: that is no failure.
        if self._is_open and failure.timed_out:
            self.pause = 0.0
        else:
            self.refused(failure.error)

    def refused(self, error: RunletError) -> None:
        """The server answered with an error. Raises it when another try is no use."""
        self._failures += 1
        pause = self._retries.pause(self._failures, error)
        if pause is None:
            raise error
        self.pause = pause


def _understood(event: ServerSentEvent) -> StreamEvent | None:
    """The event as a value; None for a kind that this client does not know."""
    if event.type not in ("stdout", "stderr", "status"):
        return None
    try:
        document = json.loads(event.data)
        return _status(document) if event.type == "status" else _output(event.type, document)
    except (ValueError, KeyError, TypeError) as error:
        raise UnexpectedAnswerError(
            f"The stream has a {event.type} event that this client does not understand ({error}). "
            "Check the versions of both sides."
        ) from error


def _output(kind: str, document: Any) -> StreamEvent:
    name: Literal["stdout", "stderr"] = "stdout" if kind == "stdout" else "stderr"
    return StreamEvent(name, text=decode(str, document["text"]))


def _status(document: Any) -> StreamEvent:
    status = Status(document["status"])
    whole = status.is_over and "execution_id" in document
    execution = decode(Execution, document) if whole else None
    return StreamEvent("status", status=status, execution=execution)
