"""Each request as a step of its caller's trace."""

from contextlib import ExitStack

from flask import Flask, Response, g, request

from runlet_telemetry import tracing
from runlet_telemetry.tracing import Kind, Tracer

# Probes and scrapes come all the time and belong to no trace.
_UNTRACED = frozenset({"health", "ready", "metrics"})
_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})


def install(app: Flask, tracer: Tracer) -> None:
    """Give every request of `app` a span, and every answer its `traceparent`."""

    @app.before_request
    def begin() -> None:
        if request.endpoint in _UNTRACED:
            return
        method = request.method if request.method in _METHODS else "_OTHER"
        # The route's pattern, not the path, which a caller may fill with anything.
        route = request.url_rule.rule if request.url_rule else None
        span = tracer.begin(
            f"{method} {route}" if route else method,
            Kind.SERVER,
            request.headers.get("traceparent"),
            {"http.request.method": method, "http.route": route},
        )
        g.tracing = ExitStack()
        g.span = g.tracing.enter_context(tracing.active(span))

    @app.after_request
    def note(response: Response) -> Response:
        if "span" in g:
            g.span.note({"http.response.status_code": response.status_code})
            if response.status_code >= 500:
                g.span.fail(str(response.status_code))
            response.headers["traceparent"] = g.span.traceparent
        return response

    @app.teardown_request
    def end(_error: BaseException | None) -> None:
        if "tracing" in g:
            g.pop("tracing").close()
