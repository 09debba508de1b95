"""The call that follows an execution."""

from functools import partial

from flask import Response, request

from execution_api import context
from execution_api.errors import ExecutionNotFoundError
from execution_api.openapi.problem_documents import NO_EXECUTION
from execution_api.streaming import reader_connection, sse
from execution_api.streaming.position import LAST_EVENT_ID, PATTERN, Position
from execution_api.streaming.stream import Source, Stream
from runlet_http import path_ids
from runlet_http.openapi import blueprints, documents

streams = blueprints.create("streams", "What running programs print, as it happens.")

_LAST_EVENT_ID = {
    "in": "header",
    "name": LAST_EVENT_ID,
    "schema": {"type": "string", "pattern": f"^{PATTERN}$"},
    "example": "1-120-14",
    "description": "The id of the last event that was received; what follows it is sent.",
}
_IN_PATH = [documents.path_id("execution_id", "execution")]


@streams.route("/executions/<execution_id>/stream", methods=["GET"], parameters=_IN_PATH)
@streams.doc(
    operationId="streamExecution", summary="Follow an execution", parameters=[_LAST_EVENT_ID]
)
@blueprints.document_problems(streams, NO_EXECUTION, 422, 503)
@streams.alt_response(200, **sse.DOCUMENTATION)
def stream(execution_id: str) -> Response:
    """What becomes of an execution and what it prints, as it happens, until it is over."""
    known_id = path_ids.parse(execution_id, "execution")
    position = Position.parse(request.headers.get(LAST_EVENT_ID))
    parts = context.current()
    row = parts.executions.find(known_id)
    if row is None:
        raise ExecutionNotFoundError
    connection = reader_connection.connection_of(request.environ)
    reader_connection.give_up_when_stalled(connection)
    source = Source(
        known_id, partial(parts.executions.find, known_id), parts.waiters, parts.output_buffer
    )
    events = Stream(source, position, partial(reader_connection.is_gone, connection))
    return Response(events.frames(row), headers=sse.HEADERS)
