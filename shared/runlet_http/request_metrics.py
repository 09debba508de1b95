"""HTTP metrics and the page Prometheus reads."""

import time

from flask import Flask, Response, g, request
from prometheus_client import CONTENT_TYPE_LATEST

from runlet_telemetry import exposition
from runlet_telemetry.metrics import HTTP_REQUEST_SECONDS, Metrics

_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
# A call with this parameter takes as long as what it waits for.
_LONG_POLL = "wait"


def install(app: Flask, served: Metrics) -> None:
    """Measure every request of `app` and serve /metrics with what is `served`."""

    @app.before_request
    def start() -> None:
        g.started = time.perf_counter()

    @app.after_request
    def measure(response: Response) -> Response:
        seconds = time.perf_counter() - g.started
        method = request.method if request.method in _METHODS else "other"
        HTTP_REQUEST_SECONDS.labels(method, _route(), response.status_code).observe(seconds)
        return response

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(exposition.page(served), content_type=CONTENT_TYPE_LATEST)


def _route() -> str:
    """The route's pattern, not the path: ids would make labels without bound."""
    if request.url_rule is None:
        return "unknown"
    rule = request.url_rule.rule
    return f"{rule}?{_LONG_POLL}" if _LONG_POLL in request.args else rule
