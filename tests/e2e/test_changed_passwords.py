"""Data volumes that were made with other passwords than hold by now."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import docker
import pytest
import requests

from support.deployments.compose_project import (
    CALL_SECONDS,
    LABEL,
    ComposeProject,
    compose_under_test,
)
from support.wait_until import eventually

ROLES = {
    "postgres": "POSTGRES_PASSWORD",
    "session_api": "SESSION_DB_PASSWORD",
    "execution_api": "EXECUTION_DB_PASSWORD",
    "result_collector": "COLLECTOR_DB_PASSWORD",
}
NAMES = [*ROLES.values(), "RABBITMQ_PASSWORD"]
SERVICE_LABEL = "com.docker.compose.service"
# Only a failure takes that long, so a slow machine is given what it may need.
START_SECONDS = 1200
TEST_SECONDS = 7200
# Looking costs the servers that start some of their CPU time.
PAUSE_SECONDS = 0.5


class Servers(ComposeProject):
    """PostgreSQL and RabbitMQ alone."""

    def start(self, **passwords: str) -> dict[str, str]:
        """With these passwords, or those they make themselves; gives the ones that hold."""
        self.settings = passwords
        self.compose("up", "-d", "postgres-passwords", "rabbitmq")
        assert self._container("postgres-passwords").wait(timeout=START_SECONDS)["StatusCode"] == 0
        return self.secrets(NAMES)

    def lets_in(self, role: str, password: str) -> bool:
        """Whether PostgreSQL takes a role's password from another machine."""
        database = "sessions" if role == "session_api" else "executions"
        login = f"psql -h $(hostname -i) -U {role} -d {database} -c 'SELECT 1'"
        return self._does("postgres", login, {"PGPASSWORD": password})

    def broker_lets_in(self, password: str) -> bool:
        """Whether RabbitMQ takes the services' user with a password; raises when it is not up."""
        (network,) = self._container("rabbitmq").attrs["NetworkSettings"]["Networks"].values()
        address = f"http://{network['IPAddress']}:15672/api/whoami"
        answer = requests.get(address, auth=("runlet", password), timeout=CALL_SECONDS)
        return answer.status_code == 200

    def broker_is_up(self) -> bool:
        """Whether RabbitMQ answers."""
        with suppress(requests.RequestException):
            self.broker_lets_in("")
            return True
        return False

    def forget_secrets(self) -> None:
        """As when the data is older than the volumes that hold the secrets."""
        self.compose("down", "-t", "5")
        engine: Any = docker.from_env(timeout=CALL_SECONDS)
        for volume in engine.volumes.list(filters={"label": f"{LABEL}={self.name}"}):
            if not volume.name.endswith("-data"):
                volume.remove()

    def _does(self, service: str, script: str, environment: dict[str, str]) -> bool:
        container = self._container(service)
        done = container.exec_run(["bash", "-c", script], environment=environment)
        return bool(done.exit_code == 0)

    def _container(self, service: str) -> Any:
        labels = [f"{LABEL}={self.name}", f"{SERVICE_LABEL}={service}"]
        (found,) = docker.from_env(timeout=CALL_SECONDS).containers.list(
            all=True, filters={"label": labels}
        )
        return found


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    servers = Servers(compose_under_test(), tmp_path, {})
    try:
        yield servers
    finally:
        servers.settings = {}
        servers.remove()


@pytest.mark.timeout(TEST_SECONDS)
def test_the_servers_take_the_passwords_that_hold_whatever_they_had(servers: Servers) -> None:
    made = servers.start()
    assert_only(servers, made, {})

    # Any characters will do, those too that mean something in an address, in SQL or in a shell.
    chosen = {name: f"it's:@/ {uuid4().hex}" for name in NAMES}
    assert servers.start(**chosen) == chosen
    assert_only(servers, chosen, made)

    servers.forget_secrets()
    again = servers.start()
    assert_only(servers, again, chosen)


def assert_only(servers: Servers, valid: dict[str, str], old: dict[str, str]) -> None:
    """The servers take some passwords, and of those before none."""
    assert not set(valid.values()) & set(old.values())
    for role, name in ROLES.items():
        assert servers.lets_in(role, valid[name]), role
        assert not old or not servers.lets_in(role, old[name]), role
    eventually(servers.broker_is_up, START_SECONDS, PAUSE_SECONDS)
    password = valid["RABBITMQ_PASSWORD"]
    eventually(lambda: servers.broker_lets_in(password), START_SECONDS, PAUSE_SECONDS)
    assert not old or not servers.broker_lets_in(old["RABBITMQ_PASSWORD"])
