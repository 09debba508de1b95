"""A stand-in for the session API: a real HTTP server that serves the sessions it is given."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import UUID, uuid4


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # The default drops connections when more than five come at once.
    request_queue_size = 128


class SessionApiStub:
    """Serves GET /code-sessions/{id} on a loopback port until it is closed.

    It hangs up on the next `drops` requests without an answer.
    """

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.requests: list[dict[str, str]] = []
        self.drops = 0
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def add(
        self,
        source_code: str = "print(42)",
        language: str = "python",
        status: str = "ACTIVE",
        user_id: str | int | None = None,
    ) -> UUID:
        """A new session; gives its id."""
        session_id = uuid4()
        session = {
            "session_id": str(session_id),
            "status": status,
            "language": language,
            "source_code": source_code,
            "revision": 1,
            "user_id": user_id,
        }
        self.answers[str(session_id)] = (200, json.dumps(session).encode())
        return session_id

    def close(self) -> None:
        """Refuse connections from now on."""
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Head and body in one segment: two would make every answer take 40 ms.
            wbufsize = -1

            def do_GET(self) -> None:
                stub.requests.append(dict(self.headers))
                if stub.drops > 0:
                    stub.drops -= 1
                    self.close_connection = True
                    return
                session_id = self.path.removeprefix("/code-sessions/")
                status, body = stub.answers.get(session_id, (404, b"{}"))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *_args: object) -> None:  # noqa: A002
                """Tests assert on `requests` instead."""

        return Handler
