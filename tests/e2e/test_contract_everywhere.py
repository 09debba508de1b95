"""What every call of the contract has in common, through the gateway, bare and under /api/v1."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest

from support.deployments.api_client import Platform
from support.deployments.deployments import Deployment, StackUnderTest
from support.deployments.token_deployment import GuardedPlatform
from support.frozen import frozen
from support.http.contract_walk import OPERATIONS, PYTHON, call, check_problem, needs_database
from support.wait_until import eventually

RUNS_A_MINUTE = 10
RUN = "POST /code-sessions/{session_id}/run"

# What no path answers to.
WRONG_METHODS = (
    *("PUT /code-sessions", "DELETE /code-sessions/{session_id}"),
    *(
        "GET /code-sessions/{session_id}/close",
        "POST /languages",
        "DELETE /languages/{language_id}",
    ),
    *("GET /code-sessions/{session_id}/run", "POST /code-sessions/{session_id}/executions"),
    *("DELETE /executions/{execution_id}", "POST /executions/{execution_id}/stream"),
    *("PUT /executions/{execution_id}/events", "GET /executions/{execution_id}/cancel"),
    *("POST /dead-letters", "GET /dead-letters/{letter_id}"),
    "GET /dead-letters/{letter_id}/requeue",
)
CREDENTIALS = {
    "none": {},
    "a wrong one": {"Authorization": "Bearer another-token-of-the-tests"},
    "another scheme": {"Authorization": "Basic dGVzdHM6dGVzdHM="},
}
NO_PATHS = (
    *("/", "/runs", "/code-sessions/x/y", "/executions", "/executions/x/y", "/languages/x/y"),
    *("/metrics", "/ready", "/openapi.json", "/docs", "/code-sessions/metrics/run/x"),
)
AS_UUID = "00000000-0000-4000-8000-000000000000"


@contextmanager
def each(asked: str) -> Iterator[None]:
    """A failure says what was asked for."""
    try:
        yield
    except AssertionError as error:
        error.add_note(f"Asked for: {asked}")
        raise


@pytest.mark.parametrize("credentials", CREDENTIALS)
def test_401_without_a_token_that_is_known(
    guarded: Deployment, prefix: str, credentials: str
) -> None:
    platform = Platform(guarded.gateway_url + prefix)
    for operation, request in OPERATIONS.items():
        with each(operation):
            shown = {**request, "headers": CREDENTIALS[credentials]}
            answer = call(platform, operation, AS_UUID, **shown)

            check_problem(answer, 401)
            assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_with_a_token_a_program_runs(guarded: Deployment, prefix: str) -> None:
    platform = GuardedPlatform(guarded.gateway_url + prefix)

    assert platform.run("print('let in')")["stdout"] == "let in\n"


def test_405_for_a_method_that_a_path_does_not_have(platform: Platform) -> None:
    for operation in WRONG_METHODS:
        with each(operation):
            answer = call(platform, operation, AS_UUID)

            check_problem(answer, 405)
            assert answer.headers["Allow"]


def test_404_where_there_is_nothing(platform: Platform) -> None:
    for path in NO_PATHS:
        with each(path):
            check_problem(platform.call("GET", path), 404)


def test_431_for_more_headers_than_anybody_needs(platform: Platform) -> None:
    headers = {f"X-{number}": "x" for number in range(200)}
    large = {"X-Large": "x" * 40_000}

    check_problem(platform.call("GET", "/languages", headers=headers), 431)
    check_problem(platform.call("GET", "/languages", headers=large), 431)


def test_414_for_an_address_that_is_too_long(platform: Platform) -> None:
    for operation, request in OPERATIONS.items():
        with each(operation):
            answer = call(platform, f"{operation}?x={'x' * 10_000}", AS_UUID, **request)

            check_problem(answer, 414)


def test_429_for_more_runs_a_minute_than_a_session_may_have(
    guarded: Deployment, prefix: str
) -> None:
    platform = GuardedPlatform(guarded.gateway_url + prefix)
    session_id = platform.open_session("print(1)")
    for _ in range(RUNS_A_MINUTE):
        platform.result(platform.start(session_id))

    answer = platform.call("POST", f"/code-sessions/{session_id}/run")

    problem = check_problem(answer, 429)
    assert 0 < problem["retryAfter"] <= 60
    assert answer.headers["Retry-After"] == str(problem["retryAfter"])


def test_503_while_the_database_is_away(without_servers: Deployment, prefix: str) -> None:
    platform = Platform(without_servers.gateway_url + prefix)
    for operation, request in OPERATIONS.items():
        with each(operation):
            if needs_database(operation):
                answer = call(platform, operation, AS_UUID, **request)
                assert "database" in check_problem(answer, 503)["detail"]
                assert int(answer.headers["Retry-After"]) > 0
            else:
                assert call(platform, operation, "python", **request).status_code == 200


def test_503_while_the_session_api_is_away(alone: Deployment, prefix: str) -> None:
    platform = Platform(alone.gateway_url + prefix)
    run = call(platform, RUN, str(uuid4()))
    session = call(platform, "POST /code-sessions", json=PYTHON)

    assert "session API" in check_problem(run, 503)["detail"]
    assert "service behind this path" in check_problem(session, 503)["detail"]
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in (run, session))


def test_503_while_as_many_runs_wait_as_may_wait(
    alone: Deployment, stack: StackUnderTest, gateway: Platform, prefix: str
) -> None:
    full = Platform(alone.gateway_url + prefix)
    session_id = gateway.open_session("print('it came to it')")
    with frozen(stack.containers("runner")):
        waiting = gateway.start(session_id)
        # The API counts once a second.
        eventually(lambda: "waiting" in call(full, RUN, str(uuid4())).text)
        answer = call(full, RUN, str(uuid4()))

    check_problem(answer, 503)
    assert int(answer.headers["Retry-After"]) > 0
    assert gateway.result(waiting)["stdout"] == "it came to it\n"
