"""Health and metrics of a process that serves no API."""

from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIEnvironment

from prometheus_client import CONTENT_TYPE_LATEST

from runlet_telemetry import exposition, health
from runlet_telemetry.metrics import Metrics
from runlet_telemetry.supervision import Loop, LoopContext

OPS_PORT = 9100
LOOP_NAME = "ops-server"
POLL_SECONDS = 0.5
# For a client to send its request.
REQUEST_SECONDS = 10.0

Checks = Callable[[], dict[str, bool]]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    timeout = POLL_SECONDS


class _QuietHandler(WSGIRequestHandler):
    # A client that sends nothing does not hold its thread for ever.
    timeout = REQUEST_SECONDS

    def log_message(self, format: str, *_args: object) -> None:  # noqa: A002
        """Probes and scrapes are no news."""


class OpsServer:
    """Serves /health, /ready and /metrics.

    `stalled` names the background loops that do not turn, `ready` the parts that the process needs
    and whether each answers, `metrics` are those that it has. All are called from any thread.
    """

    def __init__(
        self, stalled: health.Stalled, ready: Checks, metrics: Metrics, port: int = OPS_PORT
    ) -> None:
        self._stalled = stalled
        self._ready = ready
        self._metrics = metrics
        self.port = port

    def loop(self) -> Loop:
        """Bind the port, and give the loop that serves it; call it once.

        Afterwards `port` is the one that was bound, also where 0 was asked for. Raises OSError when
        the port is taken.
        """
        server = make_server("", self.port, self._answer, _Server, _QuietHandler)
        self.port = server.server_port

        def serve(context: LoopContext) -> None:
            while not context.is_set():
                server.handle_request()

        return Loop(LOOP_NAME, serve)

    def _answer(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO")
        if path == "/metrics":
            start("200 OK", [("Content-Type", CONTENT_TYPE_LATEST)])
            return [exposition.page(self._metrics)]
        if path == "/health":
            return _respond(start, self._stalled())
        if path == "/ready":
            return _respond(start, [name for name, ok in self._ready().items() if not ok])
        start("404 Not Found", [("Content-Type", "text/plain")])
        return [b"Try /health, /ready or /metrics.\n"]


def _respond(start: StartResponse, away: list[str]) -> Iterable[bytes]:
    start("503 Service Unavailable" if away else "200 OK", list(health.HEADERS.items()))
    return [health.document(away)]
