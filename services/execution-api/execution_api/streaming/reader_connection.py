"""The connection to the reader of a stream."""

import socket
from collections.abc import Mapping
from typing import Any

# A reader that has not taken anything for so long is as good as gone.
STALLED_MS = 30_000


def connection_of(environ: Mapping[str, Any]) -> socket.socket | None:
    """The socket behind a request, where the server lends it."""
    found = environ.get("gunicorn.socket") or environ.get("werkzeug.socket")
    return found if isinstance(found, socket.socket) else None


def give_up_when_stalled(connection: socket.socket | None) -> None:
    """Have the kernel end the connection when what was sent stays with it for STALLED_MS."""
    if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED_MS)


def is_gone(connection: socket.socket | None) -> bool:
    """Whether the reader has hung up; it is known without writing to it."""
    if connection is None:
        return False
    try:
        return not connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True
