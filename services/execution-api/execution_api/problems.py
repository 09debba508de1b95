"""One table from the reasons why a call is refused to the problem documents that say so."""

from collections.abc import Callable
from typing import Any

from flask import Flask, Response

from execution_api import errors
from runlet_http.problems import ProblemError, invalid, render, unavailable


def install(app: Flask) -> None:
    """Answer the errors of this service as problem documents."""
    for error_type, problem_of in ANSWERED.items():
        app.register_error_handler(error_type, _handler(problem_of))


def _handler(problem_of: Callable[[Any], ProblemError]) -> Callable[[Exception], Response]:
    return lambda error: render(problem_of(error))


def _not_found(error: errors.NotFoundError) -> ProblemError:
    return ProblemError(404, str(error))


def _conflict(error: errors.ConflictError) -> ProblemError:
    if error.execution_id is None:
        return ProblemError(409, str(error))
    extra = {"execution_id": str(error.execution_id), "status": error.status}
    return ProblemError(409, str(error), extra=extra)


def _too_large(error: errors.TooLargeError) -> ProblemError:
    return ProblemError(413, str(error))


def _invalid(error: errors.InvalidError) -> ProblemError:
    return invalid(error.field, *error.sentences)


def _rate_limited(error: errors.RateLimitedError) -> ProblemError:
    return ProblemError(
        429,
        str(error),
        extra={"retryAfter": error.wait_seconds},
        headers={"Retry-After": str(error.wait_seconds)},
    )


def _unavailable(error: errors.UnavailableError) -> ProblemError:
    return unavailable(str(error), error.retry_after_seconds)


ANSWERED: dict[type[errors.CallRefusedError], Callable[[Any], ProblemError]] = {
    errors.NotFoundError: _not_found,
    errors.ConflictError: _conflict,
    errors.TooLargeError: _too_large,
    errors.InvalidError: _invalid,
    errors.RateLimitedError: _rate_limited,
    errors.UnavailableError: _unavailable,
}
