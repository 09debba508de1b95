"""The stack under test and, beside it, deployments of other settings."""

from collections.abc import Iterator

import pytest

from support.deployments.api_client import Platform, required
from support.deployments.deployments import Deployment, Part, StackUnderTest
from support.deployments.token_deployment import TOKEN
from support.http.contract_walk import Scene

PREFIXES = ["", "/api/v1"]
PREFIX_NAMES = ["bare", "prefixed"]
NOBODY = "127.0.0.1:1"
NO_DATABASE = {"DATABASE_URL": f"postgresql+psycopg2://nobody:nothing@{NOBODY}/nothing"}


@pytest.fixture(params=PREFIXES, ids=PREFIX_NAMES)
def prefix(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def platform(prefix: str) -> Platform:
    return Platform(required("RUNLET_TEST_GATEWAY_URL") + prefix)


@pytest.fixture
def gateway() -> Platform:
    return Platform(required("RUNLET_TEST_GATEWAY_URL"))


@pytest.fixture(params=PREFIXES, ids=PREFIX_NAMES, scope="module")
def scene(request: pytest.FixtureRequest) -> Scene:
    return Scene(Platform(required("RUNLET_TEST_GATEWAY_URL") + request.param))


@pytest.fixture(scope="session")
def stack() -> StackUnderTest:
    return StackUnderTest()


@pytest.fixture(scope="session")
def guarded(stack: StackUnderTest) -> Iterator[Deployment]:
    """Asks for tokens, bounds runs, refuses callbacks and endless loops; two replicas of each."""
    tokens = {"API_TOKENS": f"tests:{TOKEN}", "SERVICE_TOKEN": "a-token-between-services"}
    runs = {
        **tokens,
        "SESSION_API_URL": "http://guarded-session-api:8001",
        "RATE_LIMIT_RUNS_PER_MINUTE": "10",
        "RATE_LIMIT_USER_RUNS_PER_MINUTE": "10",
        "CALLBACK_ALLOWED_HOSTS": "",
        "LOOP_GUARD": "reject",
    }
    parts = [Part("session-api", tokens, 2), Part("execution-api", runs, 2)]
    deployment = Deployment(stack, "guarded", parts)
    yield deployment
    deployment.close()


@pytest.fixture(scope="session")
def alone(stack: StackUnderTest) -> Iterator[Deployment]:
    """An execution API that has no session API, and lets one run wait at most."""
    settings = {"SESSION_API_URL": f"http://{NOBODY}", "MAX_QUEUE_DEPTH": "1", "WEB_WORKERS": "1"}
    deployment = Deployment(stack, "alone", [Part("execution-api", settings)])
    yield deployment
    deployment.close()


@pytest.fixture(scope="session")
def without_servers(stack: StackUnderTest) -> Iterator[Deployment]:
    """Both APIs with neither database nor broker."""
    settings = {**NO_DATABASE, "AMQP_URL": f"amqp://nobody:nothing@{NOBODY}/", "WEB_WORKERS": "1"}
    parts = [Part("session-api", settings), Part("execution-api", settings)]
    deployment = Deployment(stack, "without-servers", parts)
    yield deployment
    deployment.close()
