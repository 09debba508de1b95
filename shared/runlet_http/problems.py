"""Errors as RFC 9457 problem documents, from one table of exceptions."""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from flask import Flask, Response, json
from werkzeug.exceptions import HTTPException

log = structlog.get_logger()

TITLES = {
    400: "Bad request",
    401: "Unauthorized",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    412: "Precondition failed",
    413: "Too large",
    414: "Address too long",
    415: "Unsupported media type",
    422: "Unprocessable content",
    429: "Too many requests",
    431: "Headers too large",
    500: "Internal error",
    503: "Unavailable",
}

_PLAIN_WORDS = {
    400: "The body is not valid JSON. Send one JSON object in UTF-8.",
    404: "There is nothing at this address.",
    405: "This address does not answer to that method.",
    413: "The request is larger than this service accepts.",
    415: "Send the body with Content-Type: application/json.",
    500: "Something went wrong on our side. It has been logged; please try again.",
}

FieldErrors = Mapping[str, Sequence[str]]


class ProblemError(Exception):
    """An error to be answered as a problem document.

    `extra` adds members to the document, `headers` adds HTTP headers. `cause` is a word for
    metrics, which callers do not see.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: FieldErrors | None = None,
        extra: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        cause: str = "",
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors
        self.extra = extra or {}
        self.headers = headers or {}
        self.cause = cause


def not_found(what: str) -> ProblemError:
    """A 404 for an id that names nothing."""
    return ProblemError(404, f"There is no {what} with this id.")


def invalid(field: str, *sentences: str, cause: str = "") -> ProblemError:
    """A 422 for one field."""
    detail = f"{field}: {' '.join(sentences)}"
    return ProblemError(422, detail, errors={field: list(sentences)}, cause=cause)


def unavailable(detail: str, retry_after_seconds: int = 2, cause: str = "") -> ProblemError:
    """A 503 for a part that is needed and does not answer."""
    headers = {"Retry-After": str(retry_after_seconds)}
    return ProblemError(503, detail, headers=headers, cause=cause)


def install(app: Flask) -> None:
    """Answer every error of `app` as a problem document."""
    app.register_error_handler(ProblemError, render)
    app.register_error_handler(HTTPException, _from_http_exception)
    app.register_error_handler(Exception, _from_defect)


def render(problem: ProblemError) -> Response:
    """The problem document for `problem`."""
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": TITLES.get(problem.status, "Error"),
        "status": problem.status,
        "detail": problem.detail,
        "error": problem.detail,
    }
    if problem.errors is not None:
        document["errors"] = problem.errors
    response = Response(
        json.dumps({**document, **problem.extra}),
        status=problem.status,
        content_type="application/problem+json",
    )
    response.headers.update(problem.headers)
    return response


def _from_http_exception(error: HTTPException) -> Response:
    status = error.code or 500
    messages = getattr(error, "data", {}).get("messages")
    if status == 422 and messages:
        return render(_from_validation(messages))
    detail = _PLAIN_WORDS.get(status) or error.description or error.name
    kept = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
    return render(ProblemError(status, detail, headers=kept))


def _from_validation(messages: Mapping[str, Any]) -> ProblemError:
    """A 422 from webargs' messages: location, then field, then sentences or a nested level."""
    errors: dict[str, list[str]] = {}
    for fields in messages.values():
        _flatten("", fields, errors)
    detail = " ".join(f"{name}: {' '.join(said)}" for name, said in errors.items())
    return ProblemError(422, detail, errors=errors)


def _flatten(path: str, node: Any, into: dict[str, list[str]]) -> None:
    if isinstance(node, Mapping):
        for key, value in node.items():
            step = "" if key == "_schema" else str(key)
            _flatten(".".join(part for part in (path, step) if part), value, into)
    else:
        sentences = node if isinstance(node, list) else [node]
        into.setdefault(path or "body", []).extend(str(sentence) for sentence in sentences)


def _from_defect(error: Exception) -> Response:
    log.error("unhandled_error", exc_info=error)
    return render(ProblemError(500, _PLAIN_WORDS[500]))
