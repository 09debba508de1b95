"""Streams over real connections: events arrive when they happen, not when the answer is whole."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from runlet_client import AsyncRunlet, Retries, Runlet
from support.http.client_api import event, execution

RETRIES = Retries(first_pause=0)
SECONDS = 60
FIRST = event("stdout", 1, {"text": "first\n"})
LAST = event("status", 2, execution(stdout="first\n", exit_code=0))


class StreamServer:
    """Streams the first event, hangs up when the test says so, and streams the end afterwards."""

    def __init__(self) -> None:
        self.may_hang_up = threading.Event()
        self.last_ids: list[str | None] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self.may_hang_up.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.last_ids.append(self.headers["Last-Event-ID"])
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self._send(FIRST if len(server.last_ids) == 1 else LAST)
                # Without the chunk that ends the body: the connection breaks.
                self.close_connection = True
                server.may_hang_up.wait(SECONDS)

            def _send(self, chunk: bytes) -> None:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
                self.wfile.flush()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing."""

        return Handler


@pytest.fixture
def server() -> Iterator[StreamServer]:
    server = StreamServer()
    yield server
    server.close()


def test_events_arrive_as_they_happen_and_go_on_after_a_break(server: StreamServer) -> None:
    with Runlet(server.url, retries=RETRIES) as client:
        happening = client.stream("e1")
        first = next(happening)
        server.may_hang_up.set()
        rest = list(happening)

    assert first.text == "first\n"
    assert [happened.status for happened in rest] == ["COMPLETED"]
    assert server.last_ids == [None, "1"]


def test_they_do_for_asyncio_too(server: StreamServer) -> None:
    async def story() -> AsyncIterator[str]:
        async with AsyncRunlet(server.url, retries=RETRIES) as client:
            async for happened in client.stream("e1"):
                server.may_hang_up.set()
                yield happened.text or str(happened.status)

    async def told() -> list[str]:
        return [word async for word in story()]

    assert asyncio.run(told()) == ["first\n", "COMPLETED"]
    assert server.last_ids == [None, "1"]


def test_leaving_a_stream_early_lets_go_of_its_connection(server: StreamServer) -> None:
    with Runlet(server.url, retries=RETRIES) as client:
        happening = client.stream("e1")
        next(happening)
        happening.close()

    assert server.last_ids == [None]
