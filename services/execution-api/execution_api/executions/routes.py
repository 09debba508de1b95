"""The calls on executions."""

from typing import Any

from execution_api import context
from execution_api.errors import ExecutionNotFoundError
from execution_api.executions.schemas import (
    CancelledSchema,
    EventsSchema,
    ExecutionListSchema,
    ExecutionSchema,
    PageSchema,
    WaitSchema,
)
from execution_api.executions.waiters import Row, wait_until
from execution_api.openapi import links
from execution_api.openapi.problem_documents import NO_EXECUTION, NO_SESSION, OVER
from runlet.execution import TERMINAL
from runlet_http import path_ids
from runlet_http.cursors import Cursor
from runlet_http.openapi import blueprints, documents
from runlet_telemetry import tracing

executions = blueprints.create("executions", "Programs being run, and what became of them.")

_SESSION, _EXECUTION = "/code-sessions/<session_id>", "/executions/<execution_id>"
_SESSION_IN_PATH = [documents.path_id("session_id", "session")]
_EXECUTION_IN_PATH = [documents.path_id("execution_id", "execution")]


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
            raise ExecutionNotFoundError
        return row

    row = wait_until(_is_over, find, parts.waiters, known_id, query["wait"])
    return {**row, "feedback": row["feedback"] if _is_over(row) else None}


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
    return context.current().canceller.cancel(known_id, tracing.traceparent()), 202


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
        raise ExecutionNotFoundError
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
        parts.submission.sessions.fetch(known_id)
    shown = found[:limit]
    more = len(found) > limit
    cursor = Cursor(shown[-1]["created_at"], shown[-1]["id"]).encode() if more else None
    return {"session_id": known_id, "executions": shown, "next_cursor": cursor}


def _is_over(row: Row) -> bool:
    return row["status"] in TERMINAL
