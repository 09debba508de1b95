"""A Runlet made of prepared answers, and both of its clients behind one face."""

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from runlet_client import AsyncRunlet, Retries, Runlet

URL = "http://runlet.test"
TIME = "2025-01-31T12:00:00.000000+00:00"
AT_ONCE = Retries(attempts=4, first_pause=0)

SESSION = {
    "session_id": "s1",
    "status": "ACTIVE",
    "language": "python",
    "source_code": "print(1)",
    "revision": 1,
    "created_at": TIME,
    "updated_at": TIME,
}
LIMITS = {
    "time_limit_ms": 5000,
    "memory_limit_mb": 256,
    "output_limit_bytes": 1048576,
    "processes": 64,
    "scratch_mb": 64,
}

Answer = httpx.Response | Exception


class Chunks(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that comes in pieces; an exception among them breaks the connection there."""

    def __init__(self, pieces: Iterable[bytes | BaseException]) -> None:
        self._pieces = list(pieces)

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            if isinstance(piece, BaseException):
                raise piece
            yield piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


class FakeApi:
    """Gives the prepared answers of each call in order, and remembers what it was asked."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self._answers: defaultdict[str, deque[Answer]] = defaultdict(deque)

    def on(self, call: str, *answers: Answer) -> None:
        """Prepare answers for a call, such as `GET /languages`."""
        self._answers[call].extend(answers)

    def sent(self, call: str) -> list[httpx.Request]:
        """The requests that were this call."""
        return [request for request in self.requests if _name(request) == call]

    def body(self, call: str) -> Any:
        """The body of the one request that was this call."""
        (request,) = self.sent(call)
        return json.loads(request.content)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answers = self._answers[_name(request)]
        if not answers:
            return problem(404, f"Nothing was prepared for {_name(request)}.")
        answer = answers.popleft()
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer.stream, Chunks):
            return answer
        # httpx hands a response out once; a prepared one may serve several tests.
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    @property
    def transport(self) -> httpx.MockTransport:
        """What stands in for the network."""
        return httpx.MockTransport(self)


@dataclass(frozen=True)
class Caller:
    """A client, blocking or not, whose calls are made to the end."""

    api: FakeApi
    make: Callable[[FakeApi, Retries], Any]
    retries: Retries = AT_ONCE

    def call(self, method: str, *args: Any, **options: Any) -> Any:
        """What a method gives."""
        client = self.make(self.api, self.retries)
        if isinstance(client, Runlet):
            return getattr(client, method)(*args, **options)
        return asyncio.run(getattr(client, method)(*args, **options))

    def items(self, method: str, *args: Any, **options: Any) -> list[Any]:
        """All that an iterating method gives."""
        client = self.make(self.api, self.retries)
        if isinstance(client, Runlet):
            return list(getattr(client, method)(*args, **options))
        return asyncio.run(_collect(getattr(client, method)(*args, **options)))


def blocking(api: FakeApi, retries: Retries) -> Runlet:
    """The client for ordinary code."""
    return Runlet(URL, retries=retries, transport=api.transport)


def non_blocking(api: FakeApi, retries: Retries) -> AsyncRunlet:
    """The client for asyncio."""
    return AsyncRunlet(URL, retries=retries, transport=api.transport)


def problem(status: int, detail: str, **extra: Any) -> httpx.Response:
    """An error as Runlet answers it."""
    headers = {"Retry-After": str(extra["retryAfter"])} if "retryAfter" in extra else {}
    document = {"type": "about:blank", "title": "T", "status": status, "detail": detail, **extra}
    headers["Content-Type"] = "application/problem+json"
    return httpx.Response(status, content=json.dumps(document), headers=headers)


def ok(document: Any, status: int = 200) -> httpx.Response:
    """A success."""
    return httpx.Response(status, json=document)


def execution(status: str = "COMPLETED", **fields: Any) -> dict[str, Any]:
    """An execution, whole, as Runlet answers it."""
    return {
        "execution_id": "e1",
        "session_id": "s1",
        "language": "python",
        "status": status,
        "attempts": 1,
        "created_at": TIME,
        "limits": LIMITS,
        "compile": None,
        "feedback": None,
        **fields,
    }


def accepted(status: str = "QUEUED") -> httpx.Response:
    """A run on its way."""
    return ok({"execution_id": "e1", "status": status}, 202)


def events(*pieces: bytes | BaseException) -> httpx.Response:
    """A stream of events."""
    headers = {"Content-Type": "text/event-stream"}
    return httpx.Response(200, headers=headers, stream=Chunks(pieces))


def event(kind: str, number: int, document: Any) -> bytes:
    """One event of a stream."""
    return f"event: {kind}\nid: {number}\ndata: {json.dumps(document)}\n\n".encode()


def _name(request: httpx.Request) -> str:
    return f"{request.method} {request.url.raw_path.decode().partition('?')[0]}"


async def _collect(items: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in items]
