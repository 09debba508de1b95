"""The Flask application both APIs start from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from flask import Flask, Response, json, redirect, request
from flask_smorest import Api
from flask_swagger_ui import get_swaggerui_blueprint
from werkzeug.wrappers import Response as WerkzeugResponse

from runlet_http import problems, request_metrics, request_tracing
from runlet_http.json_body import StrictJSONProvider
from runlet_http.openapi.documents import SchemaPlugin
from runlet_http.prefix import PrefixMiddleware
from runlet_http.request_body_drain import RequestBodyDrain
from runlet_telemetry import health
from runlet_telemetry.metrics import HTTP_REQUEST_SECONDS, Metrics
from runlet_telemetry.tracing import OFF, Tracer

# Larger than any acceptable body, whose own limits give a better answer.
MAX_BODY_BYTES = 6 * 1024 * 1024

Check = Callable[[], bool]


@dataclass(frozen=True)
class Description:
    """What the OpenAPI document says of the whole API, what it depends on, and its metrics.

    `deferrable` names the ready checks without which requests are served all the same.
    `stalled` names the background loops of the process that do not turn: with one, /health is 503.
    """

    title: str
    version: str = "1"
    ready_checks: Mapping[str, Check] = field(default_factory=dict)
    deferrable: frozenset[str] = frozenset()
    metrics: Metrics = (HTTP_REQUEST_SECONDS,)
    stalled: health.Stalled = health.no_loops


def create_app(description: Description, tracer: Tracer = OFF) -> tuple[Flask, Api]:
    """An application with problem documents, prefix, health, metrics, tracing and documents.

    Register blueprints on the returned Api, so that they appear in /openapi.json.
    """
    app = Flask(description.title, static_folder=None)
    app.json = StrictJSONProvider(app)
    app.config.update(
        API_TITLE=description.title,
        API_VERSION=description.version,
        OPENAPI_VERSION="3.0.3",
        OPENAPI_URL_PREFIX="/",
        OPENAPI_JSON_PATH="openapi.json",
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
        PROPAGATE_EXCEPTIONS=False,
    )
    app.url_map.strict_slashes = False
    app.wsgi_app = RequestBodyDrain(PrefixMiddleware(app.wsgi_app))  # type: ignore[method-assign]
    api = Api(app, spec_kwargs={"marshmallow_plugin": SchemaPlugin()})
    # Its form of an error is not ours: routes document their problems themselves.
    api.DEFAULT_ERROR_RESPONSE_NAME = None
    api.spec.components.schemas.clear()
    problems.install(app)
    request_metrics.install(app, description.metrics)
    request_tracing.install(app, tracer)
    _add_health(app, description.stalled)
    _add_ready(app, description.ready_checks, description.deferrable)
    _add_docs(app, description.title)
    return app, api


def _add_health(app: Flask, stalled: health.Stalled) -> None:
    @app.get("/health", endpoint="health")
    def alive() -> Response:
        away = stalled()
        return Response(health.document(away), 503 if away else 200, health.HEADERS)


def _add_ready(app: Flask, checks: Mapping[str, Check], deferrable: frozenset[str]) -> None:
    """All checks; with `?for=requests` only those that decide whether to send requests here."""

    @app.get("/ready")
    def ready() -> Response:
        ignored = deferrable if request.args.get("for") == "requests" else frozenset()
        asked = ((name, answers) for name, answers in checks.items() if name not in ignored)
        away = [name for name, answers in asked if not answers()]
        if away:
            raise problems.unavailable(f"Not ready: no answer from the {' and the '.join(away)}.")
        return Response(json.dumps({"status": "ready"}), content_type="application/json")


def _add_docs(app: Flask, title: str) -> None:
    # Without validatorUrl the page shows a badge from a server on the internet.
    page = {"app_name": title, "validatorUrl": None}
    pages = get_swaggerui_blueprint("/docs", "../openapi.json", config=page)
    app.register_blueprint(pages)

    @app.get("/")
    def root() -> WerkzeugResponse:
        return redirect("docs/")
