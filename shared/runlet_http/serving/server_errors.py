"""What the server refuses before an application sees it, told as the applications tell it."""

import socket
from http import HTTPStatus

from gunicorn.util import write_nonblock  # type: ignore[import-untyped]

from runlet_http.problems import ProblemError, render

_SENTENCES = {
    400: "This is not a request the service can read. Check its first line and its headers.",
    414: "The address is too long. Shorten its query.",
    431: "The request's headers are too many or too large. Send fewer or shorter ones.",
    500: "Something went wrong on our side. It has been logged; please try again.",
}
_OTHERWISE = "The service cannot handle this request. Check it against /docs."


def write(connection: socket.socket, status: int, _reason: str, _message: str) -> None:
    """Answer with a problem document; takes the place of gunicorn's HTML.

    Gunicorn's own words are left out, because they quote the request.
    """
    body = render(ProblemError(status, _SENTENCES.get(status, _OTHERWISE))).get_data()
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
        "Connection: close\r\n"
        "Content-Type: application/problem+json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    write_nonblock(connection, head.encode() + body)
