"""`docker compose up` on a fresh clone: without make, without an .env."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from support.chaos.ports import free_ports
from support.deployments.api_client import Platform
from support.deployments.compose_project import ComposeProject
from support.deployments.compose_versions import UnavailableError, compose_v1, compose_v2
from support.wait_until import eventually

# Only a failure takes that long, so a slow machine is given what it may need.
START_SECONDS = 1200
TEST_SECONDS = 7200
# Looking costs the stack that starts some of its CPU time.
PAUSE_SECONDS = 0.5
SECRETS = ["POSTGRES_PASSWORD", "RABBITMQ_PASSWORD"]
VERSIONS = {"v1": compose_v1, "v2": compose_v2}


@pytest.fixture(params=VERSIONS)
def stack(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ComposeProject]:
    find: Callable[[], list[str]] = VERSIONS[request.param]
    try:
        command = find()
    except UnavailableError as error:
        pytest.skip(str(error))
    (gateway, session, execution), _ = free_ports(3, 0)
    settings = {
        "GATEWAY_PORT": gateway,
        "SESSION_API_PORT": session,
        "EXECUTION_API_PORT": execution,
        # One language keeps it small beside the stack under test.
        "LANGUAGES": "python",
        "RUNNER_CONCURRENCY": "1",
    }
    stack = ComposeProject(command, tmp_path, settings)
    try:
        yield stack
    finally:
        stack.remove()


@pytest.mark.timeout(TEST_SECONDS)
def test_it_brings_a_stack_up_that_keeps_its_secrets(stack: ComposeProject) -> None:
    stack.compose("up", "-d")
    assert runs_code(stack)
    before = stack.secrets(SECRETS)
    assert all(before.values())

    stack.compose("down", "-t", "5")
    stack.compose("up", "-d")

    assert runs_code(stack)
    assert stack.secrets(SECRETS) == before
    assert not (stack.folder / ".env").exists()


def runs_code(stack: ComposeProject) -> bool:
    platform = Platform(f"http://127.0.0.1:{stack.settings['GATEWAY_PORT']}")
    eventually(lambda: _is_ready(platform), START_SECONDS, PAUSE_SECONDS)
    return bool(platform.run("print(6 * 7)")["stdout"] == "42\n")


def _is_ready(platform: Platform) -> bool:
    with suppress(requests.RequestException):
        answers = [platform.call("GET", path) for path in ("/languages", "/dead-letters")]
        return all(answer.status_code == 200 for answer in answers)
    return False
