"""Serving an application over real sockets, and reading a stream from it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse
from types import TracebackType

from flask import Flask
from werkzeug.serving import make_server

from support.http.event_streams import Reading, parse

CLIENT_SECONDS = 120


@contextmanager
def serving(app: Flask) -> Iterator[int]:
    """Serve `app` on a port of the loopback interface, each request in a thread of its own."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class OpenStream:
    """A client that reads events in the background, until they end or it hangs up.

    `reading` is what it knows so far.
    """

    def __init__(self, port: int, path: str, reading: Reading | None = None) -> None:
        self.reading = reading or Reading()
        self._connection = HTTPConnection("127.0.0.1", port, timeout=CLIENT_SECONDS)
        last_id = self.reading.last_id
        headers = {} if last_id is None else {"Last-Event-ID": last_id}
        self._connection.request("GET", path, headers=headers)
        # The response takes the socket over.
        self._socket = self._connection.sock
        self.response = self._connection.getresponse()
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> "OpenStream":
        self._thread.start()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.hang_up()

    def hang_up(self) -> None:
        """Leave before the end."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self.response.close()
        self._connection.close()

    def wait_for_end(self) -> Reading:
        """What it knows once the server has ended the stream."""
        self._thread.join(CLIENT_SECONDS)
        assert not self._thread.is_alive(), self.reading
        return self.reading

    def _read(self) -> None:
        for event in parse(_chunks(self.response)):
            self.reading.take(event)


def _chunks(response: HTTPResponse) -> Iterator[bytes]:
    # Hanging up in the middle of a chunk is an error for this side too.
    with suppress(OSError, HTTPException):
        while chunk := response.read1(65_536):
            yield chunk
