"""Every call of the API as a request and how to read its answer: the methods of both clients."""

import base64
import re
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import quote

from runlet_client.decoding import decode
from runlet_client.errors import ConflictError, NotFoundError, RunletError
from runlet_client.exchange import READ_SECONDS, Call, Request
from runlet_client.models import (
    DeadLetter,
    Event,
    Execution,
    ExecutionState,
    File,
    Language,
    ListedExecution,
    Page,
    SavedSession,
    Session,
    Status,
)

T = TypeVar("T")

_KEY = re.compile(r"[!-~]{1,128}")


def languages() -> Call[tuple[Language, ...]]:
    """The languages on offer."""
    return Call(
        _get("/languages"), lambda answer: decode(tuple[Language, ...], answer["languages"])
    )


def language(language_id: str) -> Call[Language]:
    """One language, with the program its sessions start with."""
    return Call(_get(_path("languages", language_id)), _reader(Language))


def create_session(
    language: str,
    *,
    source_code: str | None = None,
    user_id: str | int | None = None,
    problem_id: str | int | None = None,
) -> Call[Session]:
    """Begin a session; without `source_code` it starts with the language's template.

    It is not repeated when it is unclear whether it arrived, as that could make two sessions.
    """
    body = _given(
        language=language, source_code=source_code, user_id=user_id, problem_id=problem_id
    )
    request = Request("POST", "/code-sessions", body=body)
    return Call(request, _reader(Session), repeatable=False)


def save_session(
    session_id: str,
    *,
    source_code: str | None = None,
    language: str | None = None,
    revision: int | None = None,
) -> Call[SavedSession]:
    """Save the program, its language or both.

    With `revision` only if the session is still at it: StaleRevisionError otherwise. Such a call is
    not repeated when it is unclear whether it arrived, as its own first try would make it stale.
    """
    headers = {} if revision is None else {"If-Match": f'"{revision}"'}
    body = _given(source_code=source_code, language=language)
    request = Request("PATCH", _path("code-sessions", session_id), headers=headers, body=body)
    return Call(request, _reader(SavedSession), repeatable=revision is None)


def get_session(session_id: str) -> Call[Session]:
    """The whole session."""
    return Call(_get(_path("code-sessions", session_id)), _reader(Session))


def list_sessions(
    *, user_id: str | int | None = None, limit: int | None = None, cursor: str | None = None
) -> Call[Page[Session]]:
    """A page of the sessions of a user, or of all, newest first."""
    request = _get("/code-sessions", user_id=user_id, limit=limit, cursor=cursor)
    return Call(request, _page_reader(Session, "sessions"))


def close_session(session_id: str) -> Call[None]:
    """Close a session for good; closing it again is fine."""
    return Call(Request("PATCH", _path("code-sessions", session_id, "close")), _nothing)


def run(
    session_id: str,
    *,
    source_code: str | None = None,
    stdin: str | None = None,
    args: Sequence[str] = (),
    files: Iterable[File] = (),
    time_limit_ms: int | None = None,
    memory_limit_mb: int | None = None,
    callback_url: str | None = None,
    idempotency_key: str | None = None,
) -> Call[ExecutionState]:
    """Run the session's program as it is now, or `source_code` instead of it.

    The same `idempotency_key` again gives the same execution; by default each call has a key of its
    own, so that it is safe to repeat. Raises ValueError for a key that is not 1 to 128 visible
    ASCII characters.
    """
    key = _usable_key(idempotency_key)
    body = _given(
        source_code=source_code,
        stdin=stdin,
        args=list(args) or None,
        files=[_file_document(file) for file in files] or None,
        time_limit_ms=time_limit_ms,
        memory_limit_mb=memory_limit_mb,
        callback_url=callback_url,
    )
    path = _path("code-sessions", session_id, "run")
    request = Request("POST", path, headers={"Idempotency-Key": key}, body=body)
    return Call(request, _reader(ExecutionState))


def get_execution(execution_id: str, *, wait: float = 0) -> Call[Execution]:
    """The execution; with `wait` when it is over, or after so many seconds, at most 30."""
    query = {"wait": f"{wait:.3f}"} if wait > 0 else {}
    path = _path("executions", execution_id)
    request = Request("GET", path, query=query, read_seconds=READ_SECONDS + wait)
    return Call(request, _reader(Execution))


def events(execution_id: str) -> Call[tuple[Event, ...]]:
    """The life of an execution so far, oldest first."""
    request = _get(_path("executions", execution_id, "events"))
    return Call(request, lambda answer: decode(tuple[Event, ...], answer["events"]))


def cancel(execution_id: str) -> Call[ExecutionState]:
    """End an execution before its time; RUNNING until its runner has stopped it.

    Raises ConflictError when it is over already.
    """

    def settled(error: RunletError) -> tuple[ExecutionState] | None:
        if isinstance(error, ConflictError) and error.status == Status.CANCELLED:
            return (ExecutionState(execution_id, Status.CANCELLED),)
        return None

    request = Request("POST", _path("executions", execution_id, "cancel"))
    return Call(request, _reader(ExecutionState), settled=settled)


def list_executions(
    session_id: str, *, limit: int | None = None, cursor: str | None = None
) -> Call[Page[ListedExecution]]:
    """A page of a session's executions, newest first."""
    request = _get(_path("code-sessions", session_id, "executions"), limit=limit, cursor=cursor)
    return Call(request, _page_reader(ListedExecution, "executions"))


def list_dead_letters(
    *, limit: int | None = None, cursor: str | None = None
) -> Call[Page[DeadLetter]]:
    """A page of what the platform gave up, newest first."""
    request = _get("/dead-letters", limit=limit, cursor=cursor)
    return Call(request, _page_reader(DeadLetter, "dead_letters"))


def requeue_dead_letter(letter_id: str) -> Call[ExecutionState]:
    """Queue the execution of a dead letter again; not repeated when unclear whether it arrived."""
    request = Request("POST", _path("dead-letters", letter_id, "requeue"))
    return Call(request, _reader(ExecutionState), repeatable=False)


def delete_dead_letter(letter_id: str) -> Call[None]:
    """Delete a dead letter for good."""

    def settled(error: RunletError) -> tuple[None] | None:
        return (None,) if isinstance(error, NotFoundError) else None

    return Call(Request("DELETE", _path("dead-letters", letter_id)), _nothing, settled=settled)


def next_page(call: Call[Page[T]], page: Page[T]) -> Call[Page[T]] | None:
    """The call for the page after the one that `call` gave; None after the last."""
    if page.next_cursor is None:
        return None
    query = {**call.request.query, "cursor": page.next_cursor}
    return replace(call, request=replace(call.request, query=query))


def stream_request(execution_id: str, last_event_id: str | None) -> Request:
    """The request for an execution's live events after the one with that id."""
    headers = {"Accept": "text/event-stream", "Cache-Control": "no-cache"}
    if last_event_id is not None:
        headers["Last-Event-ID"] = last_event_id
    return Request("GET", _path("executions", execution_id, "stream"), headers=headers)


def _get(path: str, **query: str | int | None) -> Request:
    return Request("GET", path, query={name: str(value) for name, value in _given(**query).items()})


def _path(*parts: str) -> str:
    return "".join("/" + quote(part, safe="") for part in parts)


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _usable_key(given: str | None) -> str:
    key = str(uuid.uuid4()) if given is None else given
    if not _KEY.fullmatch(key):
        raise ValueError("An idempotency key is 1 to 128 visible ASCII characters.")
    return key


def _file_document(file: File) -> dict[str, str]:
    if isinstance(file.content, bytes):
        content = base64.b64encode(file.content).decode()
        return {"name": file.name, "content": content, "encoding": "base64"}
    return {"name": file.name, "content": file.content}


def _reader(wanted: type[T]) -> Callable[[Any], T]:
    return lambda answer: decode(wanted, answer)


def _page_reader(wanted: type[T], name: str) -> Callable[[Mapping[str, Any]], Page[T]]:
    def read(answer: Mapping[str, Any]) -> Page[T]:
        cursor = answer.get("next_cursor")
        items = tuple(decode(wanted, entry) for entry in answer[name])
        return Page(items, None if cursor is None else decode(str, cursor))

    return read


def _nothing(_answer: Any) -> None:
    return None
