"""Puts the session API together: the only place that builds what it talks to."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from flask import Flask
from sqlalchemy import Engine

from runlet.clock import SystemClock
from runlet.config import comma_separated
from runlet.languages import offered
from runlet_http import auth, database_errors
from runlet_http.app import Description
from runlet_http.app import create_app as create_http_app
from runlet_postgres import engines
from runlet_telemetry import build_info, metrics, tracers
from runlet_telemetry.supervision import Loop, Supervisor
from runlet_telemetry.tracing import Tracer
from session_api import context, errors
from session_api.config import Config
from session_api.languages.routes import languages
from session_api.sessions.repository import SessionRepository
from session_api.sessions.retention import SessionRetention
from session_api.sessions.routes import sessions
from session_api.sessions.schemas import LANGUAGE_COMPONENT

NAME = "session-api"

# Fewer than the threads of a worker: a statement takes a millisecond.
POOL_SIZE = 10


@dataclass(frozen=True)
class Api:
    """The application and the loops beside it."""

    app: Flask
    loops: tuple[Loop, ...]
    supervisor: Supervisor
    tracer: Tracer

    def start(self) -> None:
        """Start the loops; they do not outlive a fork, so call it in the process that serves."""
        self.supervisor.start(*self.loops)

    def close(self) -> None:
        """Let the loops finish what is in hand, and export the spans that are left."""
        self.supervisor.stop_all()
        self.tracer.close()


def create_api(config: Config) -> Api:
    """The HTTP API; it connects to the database when it is first asked something.

    Raises ValueError when `config.languages` names an unknown language, and ConfigError for tokens
    that cannot be used.
    """
    tracer, supervisor = tracers.create(config, NAME), Supervisor()
    engine = engines.create_engine(config.database_url, NAME, POOL_SIZE, autocommit=True)
    app = _create_app(config, engine, supervisor, tracer)
    return Api(app, _create_loops(config, engine), supervisor, tracer)


def _create_loops(config: Config, engine: Engine) -> tuple[Loop, ...]:
    if not config.session_retention_days:
        return ()
    keep = timedelta(days=config.session_retention_days)
    return (SessionRetention(engine, keep).loop(),)


def _create_app(config: Config, engine: Engine, supervisor: Supervisor, tracer: Tracer) -> Flask:
    probe = engines.create_probe(config.database_url, NAME)
    build_info.announce(NAME, Path(__file__).parent)
    description = Description(
        title="Runlet session API",
        ready_checks={"database": probe},
        metrics=metrics.SESSION_API,
        stalled=supervisor.stalled,
    )
    app, api = create_http_app(description, tracer)
    auth.install(app, api, config, trusts_services=True)
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
