"""What an API says while its database is away."""

import structlog
from flask import Flask, Response

from runlet_http import problems
from runlet_postgres.engines import AWAY_ERRORS

log = structlog.get_logger()


def install(app: Flask) -> None:
    """Answer 503 while the database does not."""
    for error_type in AWAY_ERRORS:
        app.register_error_handler(error_type, _database_away)


def _database_away(error: Exception) -> Response:
    log.warning("database_unavailable", error=str(error))
    return problems.render(
        problems.unavailable("The database does not answer at the moment. Try again in 2 seconds.")
    )
