"""Puts the session API together: the only place that builds what it talks to."""

from flask import Flask

from runlet import postgres
from runlet.config import comma_separated
from runlet.http import auth, database
from runlet.http.app import Description
from runlet.http.app import create_app as create_http_app
from runlet.languages import offered
from session_api import context, errors
from session_api.config import Config
from session_api.language_routes import languages
from session_api.repository import SessionRepository
from session_api.routes import sessions

NAME = "session-api"

# Fewer than the threads of a worker: a statement takes a millisecond.
POOL_SIZE = 10


def create_app(config: Config) -> Flask:
    """The application; it connects to the database when it is first asked something.

    Raises ValueError when `config.languages` names an unknown language, and ConfigError for tokens
    that cannot be used.
    """
    probe = postgres.create_probe(config.database_url, NAME)
    description = Description(title="Runlet session API", ready_checks={"database": probe})
    app, api = create_http_app(description)
    auth.install(app, api, config, trusts_services=True)
    engine = postgres.create_engine(config.database_url, NAME, POOL_SIZE, autocommit=True)
    offer = offered(comma_separated(config.languages))
    context.attach(app, context.Context(SessionRepository(engine), offer, limits=config))
    errors.install(app)
    database.install(app)
    api.register_blueprint(sessions)
    api.register_blueprint(languages)
    return app
