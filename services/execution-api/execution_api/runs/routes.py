"""The call that runs a program."""

import re
from collections.abc import Mapping
from typing import Any

from flask import request, url_for

from execution_api import context
from execution_api.errors import InvalidError
from execution_api.executions.schemas import EXECUTION_ID, AcceptedSchema
from execution_api.openapi import links
from execution_api.openapi.problem_documents import ACTIVE, NO_SESSION, TOO_MANY
from execution_api.runs.run_request import RunBody
from execution_api.runs.schema import RUN_EXAMPLE, RunSchema
from execution_api.runs.submission import RunCall
from runlet_http import path_ids
from runlet_http.openapi import blueprints, documents
from runlet_telemetry import tracing

runs = blueprints.create("runs", "Programs to be run.")

_VISIBLE = "[!-~]{1,128}"
_IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "schema": {"type": "string", "pattern": f"^{_VISIBLE}$"},
    "example": "run-17-of-student-7",
    "description": "A call with the same key again gives the same execution.",
}
_IN_PATH = [documents.path_id("session_id", "session")]
_LOCATION = {"Location": documents.header("Where it is.", f"/executions/{EXECUTION_ID}")}


@runs.route("/code-sessions/<session_id>/run", methods=["POST"], parameters=_IN_PATH)
@runs.doc(
    operationId="runCode",
    summary="Run a program",
    parameters=[_IDEMPOTENCY_KEY],
    **documents.links(202, **links.THIS_EXECUTION, **links.SAME_SESSION),
)
@blueprints.document_problems(runs, 400, NO_SESSION, ACTIVE, 413, 415, 422, TOO_MANY, 503)
@runs.arguments(RunSchema(), required=False, example=RUN_EXAMPLE)
@runs.response(
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
    accepted = context.current().submission.accept(call)
    tracing.note({"runlet.execution_id": str(accepted.execution_id)})
    location = url_for("executions.read", execution_id=accepted.execution_id)
    return accepted, 202, {"Location": location}


def _idempotency_key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not re.fullmatch(_VISIBLE, key):
        raise InvalidError("Idempotency-Key", "Must be 1 to 128 visible ASCII characters.")
    return key
