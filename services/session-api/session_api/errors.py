"""One table from what can go wrong to the problem document that says so."""

from collections.abc import Callable
from typing import Any

from flask import Flask, Response

from runlet_http.problems import ProblemError, not_found, render
from session_api.sessions.repository import (
    SessionClosedError,
    SessionNotFoundError,
    StaleRevisionError,
)


def install(app: Flask) -> None:
    """Answer the errors of this service as problem documents."""
    for error_type, problem_of in _PROBLEMS.items():
        app.register_error_handler(error_type, _handler(problem_of))


def _handler(problem_of: Callable[[Any], ProblemError]) -> Callable[[Exception], Response]:
    return lambda error: render(problem_of(error))


def _not_found(_error: SessionNotFoundError) -> ProblemError:
    return not_found("code session")


def _closed(_error: SessionClosedError) -> ProblemError:
    return ProblemError(409, "This session is closed. Create a new one to go on.")


def _stale(error: StaleRevisionError) -> ProblemError:
    return ProblemError(
        412,
        f"The session has been saved meanwhile and is at revision {error.revision}. "
        "Read it again before you save.",
        extra={"revision": error.revision},
    )


_PROBLEMS: dict[type[Exception], Callable[[Any], ProblemError]] = {
    SessionNotFoundError: _not_found,
    SessionClosedError: _closed,
    StaleRevisionError: _stale,
}
