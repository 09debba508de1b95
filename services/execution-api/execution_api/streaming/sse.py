"""Server-sent events, as they go over the wire."""

import json
from collections.abc import Mapping
from typing import Any

from marshmallow import fields

from execution_api.executions.schemas import ExecutionSchema
from execution_api.streaming.output_buffer import STREAMS, Progress
from execution_api.streaming.position import PATTERN, Position
from runlet_http.openapi.documents import AnswerSchema

HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    # Proxies that know it pass every event on at once.
    "X-Accel-Buffering": "no",
}


class StreamEventSchema(AnswerSchema):
    """One event, as an EventSource hands it on."""

    id = fields.String(
        metadata={
            "description": "What to send as Last-Event-ID to be told what follows.",
            "pattern": f"^{PATTERN}$",
            "example": "1-3-0",
        }
    )
    event = fields.String(
        metadata={
            "description": "What `data` is about.",
            "enum": ["status", *STREAMS],
            "example": "stdout",
        }
    )
    data = fields.String(
        metadata={"description": "A JSON object, by `event`.", "example": '{"text": "42\\n"}'}
    )


DOCUMENTATION: dict[str, Any] = {
    "content_type": "text/event-stream",
    "schema": StreamEventSchema,
    "description": (
        "Server-sent events, each of this form. The data of `status` is `{status, attempt}`, and "
        "in the end the whole execution, after which nothing follows; that of `stdout` and "
        "`stderr` is `{text}`, the next piece of that stream. A status with another attempt than "
        "before means that the program was started again: what it printed until then does not "
        "count. Lines that begin with a colon keep the connection open."
    ),
    "example": {"id": "1-3-0", "event": "stdout", "data": '{"text": "42\\n"}'},
}
# A comment: it keeps the connection open, and shows when the reader is gone.
HEARTBEAT = b": still here\n\n"

_EXECUTION = ExecutionSchema()


def progress_event(progress: Progress, position: Position) -> bytes:
    """The status of an execution that is not over."""
    return _event("status", position, {"status": progress.status, "attempt": progress.attempt})


def end_event(execution: Mapping[str, Any], position: Position) -> bytes:
    """The terminal status: the whole execution."""
    return _event("status", position, _EXECUTION.dump(execution))


def output_event(stream: str, text: str, position: Position) -> bytes:
    """Some output; `position` is the one behind it."""
    return _event(stream, position, {"text": text})


def _event(name: str, position: Position, data: object) -> bytes:
    # In ASCII, so that no character in it ends a line for anybody.
    return f"id: {position}\nevent: {name}\ndata: {json.dumps(data)}\n\n".encode("ascii")
