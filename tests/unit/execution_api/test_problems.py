"""What a caller over HTTP is told when a call is refused."""

from uuid import UUID

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from execution_api import problems
from execution_api.errors import (
    BacklogFullError,
    CallRefusedError,
    Cause,
    ConflictError,
    ExecutionNotFoundError,
    InvalidError,
    RateLimitedError,
    SessionBusyError,
    SessionClosedError,
    TooLargeError,
)
from runlet.execution import Status

X = UUID(int=7)


def answer(error: CallRefusedError) -> TestResponse:
    """What a route that raises `error` answers."""
    app = Flask("test")
    problems.install(app)

    @app.get("/")
    def refuse() -> str:
        raise error

    return app.test_client().get("/")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ExecutionNotFoundError(), 404),
        (SessionClosedError(), 409),
        (ConflictError("Not now."), 409),
        (TooLargeError("Too much."), 413),
        (InvalidError("args", "Too many."), 422),
        (RateLimitedError(Cause.RATE_LIMIT, "Too often.", 3), 429),
        (BacklogFullError("Too many wait.", 5), 503),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_reason_has_its_status_and_its_sentence(error: CallRefusedError, status: int) -> None:
    refused = answer(error)
    assert refused.status_code == status
    assert refused.get_json()["detail"] == str(error)
    assert refused.content_type == "application/problem+json"


def test_every_reason_has_an_answer() -> None:
    for error_type in CallRefusedError.__subclasses__():
        assert error_type in problems.ANSWERED


def test_a_conflict_names_the_execution_in_the_way() -> None:
    document = answer(SessionBusyError(X, Status.RUNNING)).get_json()
    assert (document["execution_id"], document["status"]) == (str(X), "RUNNING")


def test_an_invalid_field_is_named() -> None:
    document = answer(InvalidError("files", "One.", "Two.")).get_json()
    assert document["errors"] == {"files": ["One.", "Two."]}


def test_it_is_said_when_to_come_back() -> None:
    limited = answer(RateLimitedError(Cause.COOLDOWN, "Too often.", 12))
    assert (limited.headers["Retry-After"], limited.get_json()["retryAfter"]) == ("12", 12)
    assert answer(BacklogFullError("Too many wait.", 5)).headers["Retry-After"] == "5"
