"""The calls on dead letters."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Response, url_for

from execution_api import context
from execution_api.dead_letters.schemas import DeadLetterListSchema
from execution_api.errors import DeadLetterNotFoundError
from execution_api.executions.schemas import EXECUTION_ID, AcceptedSchema, PageSchema
from execution_api.openapi import links
from execution_api.openapi.problem_documents import NO_LETTER, NOT_FAILED
from runlet.execution import Status
from runlet_http import path_ids
from runlet_http.cursors import Cursor
from runlet_http.openapi import blueprints, documents
from runlet_telemetry import tracing

dead_letters = blueprints.create(
    "dead-letters", "What the platform gave up, for people to look at, requeue or delete."
)

_IN_PATH = [documents.path_id("letter_id", "dead letter")]
_LOCATION = {"Location": documents.header("Where it is.", f"/executions/{EXECUTION_ID}")}


@dead_letters.route("/dead-letters", methods=["GET"])
@dead_letters.doc(
    operationId="listDeadLetters",
    summary="List dead letters",
    **documents.links(200, **links.FIRST_LETTER),
)
@blueprints.document_problems(dead_letters, 422, 503)
@dead_letters.arguments(PageSchema(), location="query")
@dead_letters.response(200, DeadLetterListSchema, description="A page, newest first.")
def list_newest(query: dict[str, Any]) -> dict[str, Any]:
    """What was given up and why, newest first."""
    limit: int = query["limit"]
    found = context.current().dead_letters.page(limit + 1, query["cursor"])
    shown = found[:limit]
    more = len(found) > limit
    cursor = Cursor(shown[-1]["at"], shown[-1]["id"]).encode() if more else None
    return {"dead_letters": shown, "next_cursor": cursor}


@dead_letters.route("/dead-letters/<letter_id>/requeue", methods=["POST"], parameters=_IN_PATH)
@dead_letters.doc(
    operationId="requeueDeadLetter",
    summary="Queue its execution again",
    **documents.links(202, **links.THIS_EXECUTION),
)
@blueprints.document_problems(dead_letters, NO_LETTER, NOT_FAILED, 503)
@dead_letters.response(
    202,
    AcceptedSchema,
    description="Ask at Location for the result.",
    headers=_LOCATION,
)
def requeue(letter_id: str) -> tuple[Any, int, Mapping[str, str]]:
    """Give the execution another attempt, once what made it fail is mended."""
    queued = context.current().requeuer.requeue(_known(letter_id), tracing.traceparent())
    tracing.note({"runlet.execution_id": str(queued.execution_id)})
    location = url_for("executions.read", execution_id=queued.execution_id)
    answer = {"execution_id": queued.execution_id, "status": Status.QUEUED}
    return answer, 202, {"Location": location}


@dead_letters.route("/dead-letters/<letter_id>", methods=["DELETE"], parameters=_IN_PATH)
@dead_letters.doc(operationId="deleteDeadLetter", summary="Delete a dead letter")
@blueprints.document_problems(dead_letters, NO_LETTER, 503)
@dead_letters.alt_response(204, description="It is gone; its execution stays as it is.")
def delete(letter_id: str) -> Response:
    """Delete a dead letter for good."""
    if not context.current().dead_letters.delete(_known(letter_id)):
        raise DeadLetterNotFoundError
    return Response(status=204)


def _known(letter_id: str) -> UUID:
    return path_ids.parse(letter_id, "dead letter")
