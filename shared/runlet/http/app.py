"""The Flask application both APIs start from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from flask import Flask, Response, json, redirect
from flask_smorest import Api
from flask_swagger_ui import get_swaggerui_blueprint
from werkzeug.wrappers import Response as WerkzeugResponse

from runlet.http import metrics, problems
from runlet.http.json_body import StrictJSONProvider
from runlet.http.prefix import PrefixMiddleware

# Larger than any acceptable body, whose own limits give a better answer.
MAX_BODY_BYTES = 6 * 1024 * 1024

Check = Callable[[], bool]


@dataclass(frozen=True)
class Description:
    """What the OpenAPI document says of the whole API, and what readiness depends on."""

    title: str
    version: str = "1"
    ready_checks: Mapping[str, Check] = field(default_factory=dict)


def create_app(description: Description) -> tuple[Flask, Api]:
    """An application with problem documents, prefix, health, metrics and documents.

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
    app.wsgi_app = PrefixMiddleware(app.wsgi_app)  # type: ignore[method-assign]
    api = Api(app)
    # Its form of an error is not ours: routes document their problems themselves.
    api.DEFAULT_ERROR_RESPONSE_NAME = None
    problems.install(app)
    metrics.install(app)
    _add_health(app, description.ready_checks)
    _add_docs(app)
    return app, api


def _add_health(app: Flask, checks: Mapping[str, Check]) -> None:
    @app.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/ready")
    def ready() -> Response:
        away = [name for name, answers in checks.items() if not answers()]
        if away:
            raise problems.unavailable(f"Not ready: no answer from the {' and the '.join(away)}.")
        return Response(json.dumps({"status": "ready"}), content_type="application/json")


def _add_docs(app: Flask) -> None:
    pages = get_swaggerui_blueprint("/docs", "../openapi.json")
    app.register_blueprint(pages)

    @app.get("/")
    def root() -> WerkzeugResponse:
        return redirect("docs/")
