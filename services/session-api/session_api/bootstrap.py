"""Puts the session API together: the only place that builds what it talks to."""

import atexit
from pathlib import Path

from flask import Flask

from runlet.clock import SystemClock
from runlet.config import comma_separated
from runlet.languages import offered
from runlet_http import auth, database_errors
from runlet_http.app import Description
from runlet_http.app import create_app as create_http_app
from runlet_postgres import engines
from runlet_telemetry import build_info, metrics, tracing
from session_api import context, errors
from session_api.config import Config
from session_api.languages.routes import languages
from session_api.sessions.repository import SessionRepository
from session_api.sessions.routes import sessions
from session_api.sessions.schemas import LANGUAGE_COMPONENT

NAME = "session-api"

# Fewer than the threads of a worker: a statement takes a millisecond.
POOL_SIZE = 10


def create_app(config: Config) -> Flask:
    """The application; it connects to the database when it is first asked something.

    Raises ValueError when `config.languages` names an unknown language, and ConfigError for tokens
    that cannot be used.
    """
    probe = engines.create_probe(config.database_url, NAME)
    build_info.announce(NAME, Path(__file__).parent)
    description = Description(
        title="Runlet session API",
        ready_checks={"database": probe},
        metrics=metrics.SESSION_API,
    )
    tracer = tracing.create(config, NAME)
    # Nothing else of an application has an end; what is left to export then goes out.
    atexit.register(tracer.close)
    app, api = create_http_app(description, tracer)
    auth.install(app, api, config, trusts_services=True)
    engine = engines.create_engine(config.database_url, NAME, POOL_SIZE, autocommit=True)
    offer = offered(comma_separated(config.languages))
    context.attach(
        app, context.Context(SessionRepository(engine, SystemClock()), offer, limits=config)
    )
    errors.install(app)
    database_errors.install(app)
    api.spec.components.schema(LANGUAGE_COMPONENT, {"type": "string", "enum": list(offer)})
    api.register_blueprint(sessions)
    api.register_blueprint(languages)
    return app
