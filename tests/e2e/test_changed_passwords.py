"""Data volumes that were made with other passwords than hold by now."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import docker
import pytest
import requests

from support.deployments.compose_project import LABEL, ComposeProject, compose_under_test
from support.wait_until import eventually

ROLES = {
    "postgres": "POSTGRES_PASSWORD",
    "session_api": "SESSION_DB_PASSWORD",
    "execution_api": "EXECUTION_DB_PASSWORD",
    "result_collector": "COLLECTOR_DB_PASSWORD",
}
NAMES = [*ROLES.values(), "RABBITMQ_PASSWORD"]
SERVICE_LABEL = "com.docker.compose.service"
START_SECONDS = 300


class Servers(ComposeProject):
    """PostgreSQL and RabbitMQ alone."""

    def start(self, **passwords: str) -> dict[str, str]:
        """With these passwords, or those they make themselves; gives the ones that hold."""
        self.settings = passwords
        self.compose("up", "-d", "postgres-passwords", "rabbitmq")
        eventually(self._passwords_are_set, START_SECONDS)
        return {name: self.secret(name) for name in NAMES}

    def lets_in(self, role: str, password: str) -> bool:
        """Whether PostgreSQL takes a role's password from another machine."""
        database = "sessions" if role == "session_api" else "executions"
        login = f"psql -h $(hostname -i) -U {role} -d {database} -c 'SELECT 1'"
        return self._does("postgres", login, {"PGPASSWORD": password})

    def broker_lets_in(self, password: str) -> bool:
        """Whether RabbitMQ takes the services' user with a password; raises when it is not up."""
        (network,) = self._container("rabbitmq").attrs["NetworkSettings"]["Networks"].values()
        address = f"http://{network['IPAddress']}:15672/api/whoami"
        answer = requests.get(address, auth=("runlet", password), timeout=20)
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
        engine: Any = docker.from_env()
        for volume in engine.volumes.list(filters={"label": f"{LABEL}={self.name}"}):
            if not volume.name.endswith("-data"):
                volume.remove()

    def _does(self, service: str, script: str, environment: dict[str, str]) -> bool:
        container = self._container(service)
        done = container.exec_run(["bash", "-c", script], environment=environment)
        return bool(done.exit_code == 0)

    def _passwords_are_set(self) -> bool:
        return bool(self._container("postgres-passwords").attrs["State"]["Status"] == "exited")

    def _container(self, service: str) -> Any:
        labels = [f"{LABEL}={self.name}", f"{SERVICE_LABEL}={service}"]
        (found,) = docker.from_env().containers.list(all=True, filters={"label": labels})
        return found


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    servers = Servers(compose_under_test(), tmp_path, {})
    try:
        yield servers
    finally:
        servers.settings = {}
        servers.remove()


@pytest.mark.timeout(1500)
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
    eventually(servers.broker_is_up, START_SECONDS)
    eventually(lambda: servers.broker_lets_in(valid["RABBITMQ_PASSWORD"]), START_SECONDS)
    assert not old or not servers.broker_lets_in(old["RABBITMQ_PASSWORD"])
