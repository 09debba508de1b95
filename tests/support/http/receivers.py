"""A receiver of callbacks: a real HTTP server on a loopback port."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext


@dataclass(frozen=True)
class Call:
    """A request that came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, _request: object, _address: object) -> None:
        """Callers that hang up are what tests are about."""


class CallbackReceiver:
    """Answers with `statuses`, one after the other, and with 204 when none is left.

    `may_answer` can be cleared to keep callers waiting.
    """

    def __init__(self, *statuses: int, tls: SSLContext | None = None) -> None:
        self.calls: list[Call] = []
        self.location = ""
        self.may_answer = threading.Event()
        self.may_answer.set()
        self._statuses = list(statuses)
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self.port = self._server.server_port
        if tls is not None:
            # The handshake belongs to the thread of its connection.
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        """Refuse connections from now on."""
        self.may_answer.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            wbufsize = -1

            def do_POST(self) -> None:
                receiver._answer(self)

            def do_GET(self) -> None:
                receiver._answer(self)

            def log_message(self, format: str, *_args: object) -> None:  # noqa: A002
                """Tests assert on `calls` instead."""

        return Handler

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        self.calls.append(Call(request.command, request.path, dict(request.headers), body))
        self.may_answer.wait()
        status = self._statuses.pop(0) if self._statuses else 204
        request.send_response(status)
        if self.location:
            request.send_header("Location", self.location)
        request.send_header("Content-Length", "0")
        request.end_headers()
