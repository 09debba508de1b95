"""Health and metrics of a process that serves no API."""

import json
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIEnvironment

from prometheus_client import CONTENT_TYPE_LATEST

from runlet_telemetry import exposition
from runlet_telemetry.metrics import Metrics

OPS_PORT = 9100

Checks = Callable[[], dict[str, bool]]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *_args: object) -> None:  # noqa: A002
        """Probes and scrapes are no news."""


class OpsServer:
    """Serves /health, /ready and /metrics on a thread of its own.

    `healthy` says whether the process does its work at all, `ready` names its parts and whether
    each answers, `metrics` are those that this process has.
    """

    def __init__(
        self, healthy: Callable[[], bool], ready: Checks, metrics: Metrics, port: int = OPS_PORT
    ) -> None:
        self._healthy = healthy
        self._ready = ready
        self._metrics = metrics
        self._port = port

    def start(self) -> int:
        """Begin to serve; gives the port, which differs from the one asked for when that is 0."""
        server = make_server("", self._port, self._answer, _Server, _QuietHandler)
        threading.Thread(target=server.serve_forever, name="ops", daemon=True).start()
        return server.server_port

    def _answer(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO")
        if path == "/metrics":
            start("200 OK", [("Content-Type", CONTENT_TYPE_LATEST)])
            return [exposition.page(self._metrics)]
        if path == "/health":
            return _verdict(start, [] if self._healthy() else ["main loop"])
        if path == "/ready":
            return _verdict(start, [name for name, answers in self._ready().items() if not answers])
        start("404 Not Found", [("Content-Type", "text/plain")])
        return [b"Try /health, /ready or /metrics.\n"]


def _verdict(start: StartResponse, away: list[str]) -> Iterable[bytes]:
    status = "503 Service Unavailable" if away else "200 OK"
    start(status, [("Content-Type", "application/json")])
    body = {"status": "unavailable", "away": away} if away else {"status": "ok"}
    return [json.dumps(body).encode()]
