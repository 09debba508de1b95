"""Data volumes that were made with other passwords than the settings say by now."""

import os
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import pytest

from support.deployments.api_client import required

ROOT = Path(__file__).parents[2]
ROLES = {
    "postgres": "POSTGRES_PASSWORD",
    "session_api": "SESSION_DB_PASSWORD",
    "execution_api": "EXECUTION_DB_PASSWORD",
    "result_collector": "COLLECTOR_DB_PASSWORD",
}
PREPARE = """
set -euo pipefail
source deploy/bootstrap/lib/all.sh
find_compose
PROJECT=$1 ENV_FILE=$2
shift 2
choose_stack "$@"
"""


@dataclass
class Servers:
    """PostgreSQL and RabbitMQ of a compose project of their own."""

    folder: Path
    # By this `make clean` knows what a test that was killed has left.
    project: str = field(default_factory=lambda: f"runlet-test-{uuid4().int % 10**9}")
    passwords: dict[str, str] = field(default_factory=dict)

    def shell(self, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run some shell with the functions and on the stack of `make up`."""
        settings = "".join(f"{name}={value}\n" for name, value in self.passwords.items())
        env_file = self.folder / "settings.env"
        env_file.write_text(settings, encoding="utf-8")
        unset = {**dict.fromkeys(ROLES.values()), "RABBITMQ_PASSWORD": None}
        environment = {name: each for name, each in os.environ.items() if name not in unset}
        words = [self.project, str(env_file), *_stack_files(), *arguments]
        return subprocess.run(
            ["bash", "-c", f"{PREPARE}\n{script}", "bash", *words],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def does(self, script: str) -> bool:
        """Whether some shell ends well."""
        return self.shell(script).returncode == 0

    def set_passwords(self) -> None:
        """Choose new ones, as after .env was lost."""
        names = [*ROLES.values(), "RABBITMQ_PASSWORD"]
        self.passwords = {name: f"secret-{uuid4().hex}" for name in names}

    def lets_in(self, role: str, password: str) -> bool:
        """Whether PostgreSQL takes a role's password from another machine."""
        login = (
            f"docker exec -e PGPASSWORD={password} $(container_of postgres) bash -c "
            f"'psql -h $(hostname -i) -U {role} -d executions -c \"SELECT 1\"'"
        )
        if role == "session_api":
            login = login.replace("-d executions", "-d sessions")
        return self.does(login)


def _stack_files() -> list[str]:
    command = shlex.split(required("RUNLET_TEST_COMPOSE"))
    files = [value for flag, value in pairwise(command) if flag == "-f"]
    return [str(Path(file).relative_to(ROOT)) for file in files if "/tests/" not in file]


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    servers = Servers(tmp_path)
    servers.set_passwords()
    try:
        yield servers
    finally:
        down = servers.shell("compose down -v -t 3")
        assert down.returncode == 0, down.stderr


@pytest.mark.timeout(240)
def test_the_servers_take_the_passwords_of_the_settings_whatever_they_had(
    servers: Servers,
) -> None:
    started = servers.shell("compose up -d postgres rabbitmq; fit_passwords")
    assert started.returncode == 0, started.stderr
    before = servers.passwords
    assert servers.lets_in("session_api", before["SESSION_DB_PASSWORD"])

    servers.set_passwords()
    fitted = servers.shell("fit_passwords")

    assert fitted.returncode == 0, fitted.stderr
    assert not set(before.values()) & set(servers.passwords.values())
    for role, name in ROLES.items():
        assert servers.lets_in(role, servers.passwords[name]), role
        assert not servers.lets_in(role, before[name]), role
    assert servers.does("rabbitmq_takes_its_password")
