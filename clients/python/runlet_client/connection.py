"""Where the server is, and what httpx calls things: all that both clients know about HTTP."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from runlet_client.errors import RunletError, UnavailableError
from runlet_client.exchange import Reply, Request
from runlet_client.flows import Failure

DEFAULT_URL = "http://127.0.0.1:8080"
CONNECT_SECONDS = 5.0
WRITE_SECONDS = 30.0

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_PASSING = (
    httpx.NetworkError,
    httpx.TimeoutException,
    httpx.RemoteProtocolError,
    httpx.ProxyError,
)


@dataclass(frozen=True)
class Server:
    """The address of a Runlet, bare or with /api/v1, and the token for it.

    Raises ValueError for what cannot be an address or a token.
    """

    url: str = DEFAULT_URL
    token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        try:
            parsed = httpx.URL(self.url)
        except httpx.InvalidURL as error:
            raise ValueError(f"{self.url!r} is no address: {error}.") from error
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise ValueError(f"{self.url!r} is no address; one looks like {DEFAULT_URL}.")
        if self.token and not (self.token.isascii() and self.token.isprintable()):
            raise ValueError("The token has characters that no token has. Check RUNLET_TOKEN.")

    @classmethod
    def named(cls, url: str | None, token: str | None) -> "Server":
        """The server of these, by default of RUNLET_URL and RUNLET_TOKEN."""
        chosen = url or os.environ.get("RUNLET_URL") or DEFAULT_URL
        return cls(chosen, token or os.environ.get("RUNLET_TOKEN", "").strip() or None)

    @property
    def http_options(self) -> dict[str, Any]:
        """Arguments for a client of httpx."""
        authorization = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return {
            "base_url": self.url,
            "headers": {"Accept": "application/json", **authorization},
            # Every waiting caller of a server's threads needs one of its own.
            "limits": httpx.Limits(max_connections=None, max_keepalive_connections=20),
        }


def arguments(request: Request) -> dict[str, Any]:
    """Arguments for httpx to send a request."""
    headers: Mapping[str, str] = request.headers
    if request.body is not None:
        headers = {"Content-Type": "application/json", **headers}
    return {
        "method": request.method,
        "url": request.path,
        "params": dict(request.query),
        "headers": dict(headers),
        "content": request.content,
        "timeout": httpx.Timeout(CONNECT_SECONDS, read=request.read_seconds, write=WRITE_SECONDS),
    }


def reply_of(response: httpx.Response) -> Reply:
    """A response whose body was read."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Reply(response.status_code, headers, response.content)


def failure_of(error: httpx.HTTPError, server: Server) -> Failure:
    """What the error means. Raises RunletError for one that is there to stay."""
    if not isinstance(error, _PASSING):
        raise RunletError(f"{server.url} cannot be talked to: {error}.") from error
    return Failure(
        error=_unavailable(error, server),
        was_sent=not isinstance(error, _NOT_SENT),
        timed_out=isinstance(error, httpx.ReadTimeout),
    )


def _unavailable(error: httpx.HTTPError, server: Server) -> UnavailableError:
    if isinstance(error, _NOT_SENT):
        sentence = f"Nothing answers at {server.url}. Is Runlet up, and RUNLET_URL right?"
    elif isinstance(error, httpx.TimeoutException):
        sentence = f"{server.url} did not answer in time. Try again."
    else:
        sentence = f"The connection to {server.url} broke. Try again."
    unavailable = UnavailableError(sentence)
    unavailable.__cause__ = error
    return unavailable
