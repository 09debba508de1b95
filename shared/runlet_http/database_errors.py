"""Answering 503 while the database is unavailable."""

import structlog
from flask import Flask, Response

from runlet_http import problems
from runlet_postgres.errors import DatabaseUnavailableError

log = structlog.get_logger()


def install(app: Flask) -> None:
    """Answer 503 where a route raises DatabaseUnavailableError."""
    app.register_error_handler(DatabaseUnavailableError, _unavailable)


def _unavailable(error: DatabaseUnavailableError) -> Response:
    log.warning("database_unavailable", error=str(error))
    return problems.render(
        problems.unavailable("The database does not answer at the moment. Try again in 2 seconds.")
    )
