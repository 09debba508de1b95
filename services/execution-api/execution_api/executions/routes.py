"""The calls on executions."""

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from flask import Response, request, url_for

from execution_api import context
from execution_api.executions.schemas import (
    EXECUTION_ID,
    AcceptedSchema,
    CancelledSchema,
    EventsSchema,
    ExecutionListSchema,
    ExecutionSchema,
    PageSchema,
    WaitSchema,
)
from execution_api.executions.waiters import Row, wait_until
from execution_api.openapi import links
from execution_api.openapi.problem_documents import ACTIVE, NO_EXECUTION, NO_SESSION, OVER, TOO_MANY
from execution_api.runs.run_request import RunBody
from execution_api.runs.schema import RUN_EXAMPLE, RunSchema
from execution_api.runs.submission import RunCall
from execution_api.streaming import reader_connection, sse
from execution_api.streaming.position import LAST_EVENT_ID, PATTERN, Position
from execution_api.streaming.stream import Source, Stream
from runlet.execution import TERMINAL
from runlet_http import path_ids
from runlet_http.cursors import Cursor
from runlet_http.openapi import blueprints, documents
from runlet_http.problems import invalid, not_found
from runlet_telemetry import tracing

executions = blueprints.create("executions", "Programs being run, and what became of them.")

_VISIBLE = "[!-~]{1,128}"
_IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "schema": {"type": "string", "pattern": f"^{_VISIBLE}$"},
    "example": "run-17-of-student-7",
    "description": "A call with the same key again gives the same execution.",
}
_LAST_EVENT_ID = {
    "in": "header",
    "name": LAST_EVENT_ID,
    "schema": {"type": "string", "pattern": f"^{PATTERN}$"},
    "example": "1-120-14",
    "description": "The id of the last event that was received; what follows it is sent.",
}
_SESSION, _EXECUTION = "/code-sessions/<session_id>", "/executions/<execution_id>"
_SESSION_IN_PATH = [documents.path_id("session_id", "session")]
_EXECUTION_IN_PATH = [documents.path_id("execution_id", "execution")]
_LOCATION = {"Location": documents.header("Where it is.", f"/executions/{EXECUTION_ID}")}


@executions.route(f"{_SESSION}/run", methods=["POST"], parameters=_SESSION_IN_PATH)
@executions.doc(
    operationId="runCode",
    summary="Run a program",
    parameters=[_IDEMPOTENCY_KEY],
    **documents.links(202, **links.THIS_EXECUTION, **links.SAME_SESSION),
)
@blueprints.document_problems(executions, 400, NO_SESSION, ACTIVE, 413, 415, 422, TOO_MANY, 503)
@executions.arguments(RunSchema(), required=False, example=RUN_EXAMPLE)
@executions.response(
    202,
    AcceptedSchema,
    description="Accepted; ask at Location for the result.",
    headers=_LOCATION,
)
def run(body: RunBody, session_id: str) -> tuple[Any, int, Mapping[str, str]]:
    """Run the session's program as it is now, or the one that is sent along."""
    call = RunCall(
        session_id=path_ids.parse(session_id, "code session"),
        body=body,
        idempotency_key=_idempotency_key(),
        traceparent=tracing.traceparent(),
    )
    accepted = context.current().acceptance.accept(call)
    tracing.note({"runlet.execution_id": str(accepted.execution_id)})
    location = url_for("executions.read", execution_id=accepted.execution_id)
    return accepted, 202, {"Location": location}


@executions.route(_EXECUTION, methods=["GET"], parameters=_EXECUTION_IN_PATH)
@executions.doc(
    operationId="getExecution",
    summary="Read an execution, or wait for its end",
    **documents.links(200, **links.THIS_EXECUTION, **links.THIS_SESSION),
)
@blueprints.document_problems(executions, NO_EXECUTION, 422, 503)
@executions.arguments(WaitSchema(), location="query")
@executions.response(200, ExecutionSchema, description="The execution as it is now.")
def read(query: dict[str, float], execution_id: str) -> dict[str, Any]:
    """The whole execution; its result once it is over."""
    known_id = path_ids.parse(execution_id, "execution")
    parts = context.current()

    def find() -> Row:
        row = parts.executions.find(known_id)
        if row is None:
            raise not_found("execution")
        return row

    row = wait_until(_is_over, find, parts.waiters, known_id, query["wait"])
    return {**row, "feedback": row["feedback"] if _is_over(row) else None}


@executions.route(f"{_EXECUTION}/stream", methods=["GET"], parameters=_EXECUTION_IN_PATH)
@executions.doc(
    operationId="streamExecution", summary="Follow an execution", parameters=[_LAST_EVENT_ID]
)
@blueprints.document_problems(executions, NO_EXECUTION, 422, 503)
@executions.alt_response(200, **sse.DOCUMENTATION)
def stream(execution_id: str) -> Response:
    """What becomes of an execution and what it prints, as it happens, until it is over."""
    known_id = path_ids.parse(execution_id, "execution")
    position = Position.parse(request.headers.get(LAST_EVENT_ID))
    parts = context.current()
    row = parts.executions.find(known_id)
    if row is None:
        raise not_found("execution")
    connection = reader_connection.connection_of(request.environ)
    reader_connection.give_up_when_stalled(connection)
    source = Source(
        known_id, partial(parts.executions.find, known_id), parts.waiters, parts.live_output
    )
    events = Stream(source, position, partial(reader_connection.is_gone, connection))
    return Response(events.frames(row), headers=sse.HEADERS)


@executions.route(f"{_EXECUTION}/cancel", methods=["POST"], parameters=_EXECUTION_IN_PATH)
@executions.doc(
    operationId="cancelExecution",
    summary="Cancel an execution",
    **documents.links(202, **links.THIS_EXECUTION),
)
@blueprints.document_problems(executions, NO_EXECUTION, OVER, 503)
@executions.response(202, CancelledSchema, description="Cancelled, or about to be.")
def cancel(execution_id: str) -> tuple[Any, int]:
    """End an execution before its time; what it printed so far is kept."""
    known_id = path_ids.parse(execution_id, "execution")
    tracing.note({"runlet.execution_id": str(known_id)})
    return context.current().cancelling.cancel(known_id, tracing.traceparent()), 202


@executions.route(f"{_EXECUTION}/events", methods=["GET"], parameters=_EXECUTION_IN_PATH)
@executions.doc(
    operationId="getExecutionEvents",
    summary="Read the lifecycle",
    **documents.links(200, **links.THIS_EXECUTION),
)
@blueprints.document_problems(executions, NO_EXECUTION, 503)
@executions.response(200, EventsSchema, description="What happened, oldest first.")
def events(execution_id: str) -> dict[str, Any]:
    """Every step of the execution, with its time."""
    known_id = path_ids.parse(execution_id, "execution")
    happened = context.current().executions.events(known_id)
    if not happened:
        raise not_found("execution")
    return {"execution_id": known_id, "events": happened}


@executions.route(f"{_SESSION}/executions", methods=["GET"], parameters=_SESSION_IN_PATH)
@executions.doc(
    operationId="listExecutions",
    summary="List a session's executions",
    **documents.links(200, **links.FIRST_EXECUTION),
)
@blueprints.document_problems(executions, NO_SESSION, 422, 503)
@executions.arguments(PageSchema(), location="query")
@executions.response(200, ExecutionListSchema, description="A page, newest first.")
def list_newest(query: dict[str, Any], session_id: str) -> dict[str, Any]:
    """The executions of a session, newest first."""
    known_id = path_ids.parse(session_id, "code session")
    limit: int = query["limit"]
    parts = context.current()
    found = parts.executions.page(known_id, limit + 1, query["cursor"])
    if not found:
        # Only the session API knows whether there is such a session; it says 404 where not.
        parts.acceptance.sessions.fetch(known_id)
    shown = found[:limit]
    more = len(found) > limit
    cursor = Cursor(shown[-1]["created_at"], shown[-1]["id"]).encode() if more else None
    return {"session_id": known_id, "executions": shown, "next_cursor": cursor}


def _is_over(row: Row) -> bool:
    return row["status"] in TERMINAL


def _idempotency_key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not re.fullmatch(_VISIBLE, key):
        raise invalid("Idempotency-Key", "Must be 1 to 128 visible ASCII characters.")
    return key
