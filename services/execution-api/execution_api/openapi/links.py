"""Which calls may follow which answers, and with what, for the OpenAPI document."""

from typing import Any

from runlet_http.openapi.documents import link


def _to_execution(execution_id: str) -> dict[str, Any]:
    taken = {"execution_id": execution_id}
    return {
        "read": link("getExecution", "Read it, or wait for its end.", **taken),
        "follow": link("streamExecution", "Follow it.", **taken),
        "events": link("getExecutionEvents", "Read its lifecycle.", **taken),
        "cancel": link("cancelExecution", "Cancel it.", **taken),
    }


def _to_session(session_id: str) -> dict[str, Any]:
    taken = {"session_id": session_id}
    return {
        "run": link("runCode", "Run the session's program again.", **taken),
        "list": link("listExecutions", "List the session's executions.", **taken),
    }


def _to_letter(letter_id: str) -> dict[str, Any]:
    taken = {"letter_id": letter_id}
    return {
        "requeue": link("requeueDeadLetter", "Queue its execution again.", **taken),
        "delete": link("deleteDeadLetter", "Delete it.", **taken),
    }


THIS_EXECUTION = _to_execution("$response.body#/execution_id")
THIS_SESSION = _to_session("$response.body#/session_id")
FIRST_EXECUTION = _to_execution("$response.body#/executions/0/execution_id")
FIRST_LETTER = _to_letter("$response.body#/dead_letters/0/id")
SAME_SESSION = _to_session("$request.path.session_id")
