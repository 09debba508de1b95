"""A request and its answer, as plain values; nothing here touches a network."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from runlet_client import errors
from runlet_client.errors import Problem, RunletError, UnexpectedAnswerError

T = TypeVar("T")

READ_SECONDS = 40.0


@dataclass(frozen=True)
class Request:
    """What goes to the server; `read_seconds` is how long it may be silent."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    read_seconds: float = READ_SECONDS

    @property
    def content(self) -> bytes | None:
        """The body as JSON; what UTF-8 cannot hold is escaped, for the server to refuse."""
        return None if self.body is None else json.dumps(self.body).encode()


@dataclass(frozen=True)
class Reply:
    """What came back; the names of `headers` are in lower case."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def is_success(self) -> bool:
        """Whether the call did what it was to do."""
        return 200 <= self.status_code < 300

    def document(self) -> Any:
        """The body. Raises UnexpectedAnswerError when it is no JSON."""
        try:
            return json.loads(self.content)
        except ValueError as error:
            raise UnexpectedAnswerError(
                "The answer is no JSON. Check that the address is the one of Runlet."
            ) from error


@dataclass(frozen=True)
class Call(Generic[T]):
    """A request and how to read its answer.

    `repeatable` says that sending it twice does no harm. `settled` says what the refusal of a
    repetition means: the result, in a tuple, when the first one had arrived after all, else None.
    """

    request: Request
    read: Callable[[Any], T]
    repeatable: bool = True
    settled: Callable[[RunletError], tuple[T] | None] = lambda _: None

    def result(self, reply: Reply) -> T:
        """The result in a successful reply. Raises UnexpectedAnswerError when there is none."""
        document = reply.document() if reply.content else None
        try:
            return self.read(document)
        except (ValueError, KeyError, TypeError) as error:
            raise UnexpectedAnswerError(
                f"The answer to {self.request.method} {self.request.path} is none that this "
                f"client understands ({error}). Check the address, and the versions of both sides."
            ) from error


def error_of(reply: Reply) -> RunletError:
    """The exception for a reply that is an error, problem document or not."""
    try:
        document = reply.document()
    except UnexpectedAnswerError:
        document = None
    if not isinstance(document, dict):
        document = {}
    return errors.of(
        Problem(
            status_code=reply.status_code,
            detail=_sentence(reply.status_code, document),
            document=document,
            retry_after=_retry_after(reply, document),
        )
    )


def _sentence(status_code: int, document: Mapping[str, Any]) -> str:
    for name in ("detail", "error", "title"):
        if isinstance(document.get(name), str) and document[name]:
            return str(document[name])
    return f"The server answered {status_code} and did not say why. Is the address right?"


def _retry_after(reply: Reply, document: Mapping[str, Any]) -> float | None:
    """Seconds; a date, the other form of Retry-After, is left to the usual backoff."""
    for value in (reply.headers.get("retry-after"), document.get("retryAfter")):
        try:
            seconds = float(value) if value is not None else -1.0
        except (TypeError, ValueError):
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    return None
