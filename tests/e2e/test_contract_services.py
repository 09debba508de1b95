"""What every HTTP service has for those who operate it, past the gateway."""

import pytest

from support.deployments.api_client import Platform, required
from support.deployments.deployments import Deployment
from support.deployments.token_deployment import GuardedPlatform
from support.http.contract_walk import check_problem

SERVICES = ["session-api", "execution-api"]
FOR_OPERATORS = ["/ready", "/metrics", "/openapi.json", "/docs/"]
NEEDED = {"session-api": "database", "execution-api": "database and the message broker"}


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def api(service: str, prefix: str) -> Platform:
    address = required(f"RUNLET_TEST_{service.upper().replace('-', '_')}_URL")
    return Platform(address + prefix)


def test_a_service_says_that_it_lives_and_that_it_is_ready(api: Platform) -> None:
    alive, ready = api.call("GET", "/health"), api.call("GET", "/ready")

    assert (alive.status_code, alive.json()) == (200, {"status": "ok"})
    assert ready.status_code == 200


def test_prometheus_can_read_its_metrics(api: Platform) -> None:
    api.call("GET", "/health")
    metrics = api.call("GET", "/metrics")

    assert metrics.status_code == 200
    assert metrics.headers["Content-Type"].startswith("text/plain")
    assert "# TYPE runlet_" in metrics.text


def test_it_documents_itself_without_the_internet(api: Platform) -> None:
    document, page = api.call("GET", "/openapi.json"), api.call("GET", "/docs/")

    assert document.json()["openapi"].startswith("3.")
    assert page.headers["Content-Type"].startswith("text/html")
    assert "://" not in page.text.replace(api.base_url, "")


def test_without_its_servers_it_lives_but_is_not_ready_and_says_why(
    without_servers: Deployment, service: str
) -> None:
    [api] = without_servers.replicas(service)

    assert api.call("GET", "/health").status_code == 200
    assert NEEDED[service] in check_problem(api.call("GET", "/ready"), 503)["detail"]


@pytest.mark.parametrize("path", FOR_OPERATORS)
def test_where_tokens_are_asked_for_only_health_is_open(
    guarded: Deployment, service: str, path: str
) -> None:
    closed = guarded.replicas(service)[0]

    assert closed.call("GET", "/health").status_code == 200
    check_problem(closed.call("GET", path), 401)
    assert GuardedPlatform(closed.base_url).call("GET", path).status_code == 200
