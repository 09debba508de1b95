"""The calls on code sessions."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import structlog
from flask import Response, request, url_for

from runlet.languages import LANGUAGES
from runlet_http import path_ids
from runlet_http.cursors import Cursor
from runlet_http.openapi import blueprints, documents
from runlet_http.openapi.documents import UUID_EXAMPLE
from runlet_http.problems import ProblemError
from session_api import context
from session_api.openapi import links
from session_api.openapi.problem_documents import CLOSED, NO_SESSION, STALE
from session_api.sessions.preconditions import accepted_revisions
from session_api.sessions.repository import Changes
from session_api.sessions.schemas import (
    ChangesSchema,
    ClosedSchema,
    NewSessionSchema,
    PageSchema,
    SavedSchema,
    SessionListSchema,
    SessionSchema,
    WholeSessionSchema,
)
from session_api.tables import ACTIVE, INACTIVE, CodeSession, NewSession

log = structlog.get_logger()
sessions = blueprints.create(
    "code-sessions", "Programs being written, saved as they are typed.", body_required=True
)

_SESSION = "/code-sessions/<session_id>"
_IN_PATH = [documents.path_id("session_id", "session")]
_ETAG = {"ETag": documents.header("The revision, in quotes.", '"1"', pattern='^"[0-9]+"$')}
_CREATED = {**_ETAG, "Location": documents.header("Where it is.", f"/code-sessions/{UUID_EXAMPLE}")}

_NEW_SESSION = {"language": "python", "user_id": "student-7", "problem_id": "two-sum"}
_CHANGES = {"source_code": 'print("Hello World")\n'}

Answer = tuple[Any, int, Mapping[str, str]]

_IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "schema": {"type": "string"},
    "example": '"3"',
    "description": "Save only if the session is at this revision.",
}

_IF_NONE_MATCH = {
    "in": "header",
    "name": "If-None-Match",
    "schema": {"type": "string"},
    "example": '"3"',
    "description": "Answer without a body if the session is active and still at this revision.",
}


@sessions.route("/code-sessions", methods=["POST"])
@sessions.doc(
    operationId="createCodeSession",
    summary="Begin a session",
    **documents.links(201, **links.THIS_SESSION),
)
@blueprints.document_problems(sessions, 400, 413, 415, 422, 503)
@sessions.arguments(NewSessionSchema(), example=_NEW_SESSION)
@sessions.response(
    201,
    SessionSchema,
    description="The session, which starts as the template.",
    headers=_CREATED,
)
def create(body: dict[str, Any]) -> Answer:
    """Begin a session with a program of its own."""
    language = context.current().language(body["language"])
    source_code = _checked_size(body.get("source_code", language.template))
    new = NewSession(language.id, source_code, body.get("user_id"), body.get("problem_id"))
    session = context.current().sessions.create(new)
    log.info("session_created", session_id=str(session.id), language=session.language)
    location = url_for("code-sessions.read", session_id=session.id)
    return session, 201, {"Location": location, **_etag(session.revision)}


@sessions.route("/code-sessions", methods=["GET"])
@sessions.doc(
    operationId="listCodeSessions",
    summary="List sessions, newest first",
    **documents.links(200, **links.FIRST_SESSION),
)
@blueprints.document_problems(sessions, 422, 503)
@sessions.arguments(PageSchema(), location="query")
@sessions.response(200, SessionListSchema, description="A page of sessions.")
def list_newest(page: dict[str, Any]) -> dict[str, Any]:
    """The sessions of a user, or of all, newest first."""
    limit: int = page["limit"]
    found = context.current().sessions.newest(limit + 1, page.get("user_id"), page.get("cursor"))
    shown = found[:limit]
    more = len(found) > limit
    last = Cursor(shown[-1].created_at, shown[-1].id).encode() if more else None
    return {"sessions": shown, "next_cursor": last}


@sessions.route(_SESSION, methods=["GET"], parameters=_IN_PATH)
@sessions.doc(
    operationId="getCodeSession",
    summary="Read a session",
    parameters=[_IF_NONE_MATCH],
    **documents.links(200, **links.THIS_SESSION),
)
@blueprints.document_problems(sessions, NO_SESSION, 503)
@sessions.alt_response(304, description="Nothing has changed.", headers=_ETAG)
@sessions.response(
    200,
    WholeSessionSchema,
    description="The session; its ETag is the revision.",
    headers=_ETAG,
)
def read(session_id: str) -> Answer | Response:
    """The whole session."""
    session = context.current().sessions.get(_parse(session_id))
    # Closing leaves the revision as it is, so it tells nothing about a session that is closed.
    if session.status == ACTIVE and request.if_none_match.contains_weak(str(session.revision)):
        return Response(status=304, headers=_etag(session.revision))
    return _whole(session), 200, _etag(session.revision)


@sessions.route(_SESSION, methods=["PATCH"], parameters=_IN_PATH)
@sessions.doc(
    operationId="saveCodeSession",
    summary="Autosave",
    parameters=[_IF_MATCH],
    **documents.links(200, **links.THIS_SESSION),
)
@blueprints.document_problems(sessions, 400, NO_SESSION, CLOSED, STALE, 413, 415, 422, 503)
@sessions.arguments(ChangesSchema(), example=_CHANGES)
@sessions.response(
    200,
    SavedSchema,
    description="Saved; the revision went up by one.",
    headers=_ETAG,
)
def save(body: dict[str, Any], session_id: str) -> Answer:
    """Replace the program, its language or both."""
    if "language" in body:
        context.current().language(body["language"])
    _checked_size(body.get("source_code", ""))
    accepted = accepted_revisions(request.headers.get("If-Match"))
    saved = context.current().sessions.save(_parse(session_id), Changes(**body), accepted)
    log.debug("session_saved", session_id=session_id, revision=saved.revision)
    return saved, 200, _etag(saved.revision)


@sessions.route(f"{_SESSION}/close", methods=["PATCH"], parameters=_IN_PATH)
@sessions.doc(
    operationId="closeCodeSession",
    summary="Close a session",
    **documents.links(200, **links.THIS_SESSION),
)
@blueprints.document_problems(sessions, NO_SESSION, 503)
@sessions.response(200, ClosedSchema, description="The session is closed.")
def close(session_id: str) -> dict[str, Any]:
    """Close a session for good; closing it again changes nothing."""
    known_id = _parse(session_id)
    if context.current().sessions.close(known_id):
        log.info("session_closed", session_id=str(known_id))
    return {"session_id": known_id, "status": INACTIVE}


def _parse(session_id: str) -> UUID:
    return path_ids.parse(session_id, "code session")


def _checked_size(source_code: str) -> str:
    size, most = len(source_code.encode()), context.current().limits.max_source_bytes
    if size > most:
        raise ProblemError(
            413, f"The program has {size} bytes, at most {most} are accepted. Shorten it."
        )
    return source_code


def _etag(revision: int) -> dict[str, str]:
    return {"ETag": f'"{revision}"'}


def _whole(session: CodeSession) -> dict[str, Any]:
    """A session with its language's names, which are null once a language is known no more."""
    language = LANGUAGES.get(session.language)
    names = {
        "language_name": language.name if language else None,
        "runtime": language.runtime if language else None,
        "version": language.version if language else None,
    }
    return {**vars(session), **names}
