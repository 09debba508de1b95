"""Reading a request's body to its end, so that the caller sees the answer."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

# As much as the gateway lets through.
MOST_BYTES = 8 * 1024 * 1024
_PIECE_BYTES = 64 * 1024


class RequestBodyDrain:
    """Reads what an application left unread of a body.

    A refusal comes before the body was read. A server that then closes the connection breaks it
    for a caller that is still sending, who never sees the answer; behind a gateway it becomes 503.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        try:
            return self._app(environ, start_response)
        finally:
            # Otherwise the end of the body is not to be seen, and reading on would wait for ever.
            if environ.get("wsgi.input_terminated"):
                _drain(environ["wsgi.input"])


def _drain(body: Any) -> None:
    left = MOST_BYTES
    # A caller that is gone needs no answer.
    with suppress(OSError):
        while left > 0 and (piece := body.read(_PIECE_BYTES)):
            left -= len(piece)
