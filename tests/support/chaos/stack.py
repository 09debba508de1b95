"""A stack that tests may break: its compose project, its containers and their processes."""

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import docker
import psycopg2

PROJECT_LABEL = "com.docker.compose.project"
SERVICE_LABEL = "com.docker.compose.service"
COMPOSE_SECONDS = 600
OVERLAY = Path(__file__).parents[2] / "chaos" / "compose.chaos.yml"


class ChaosStack:
    """One compose project. `settings` are its environment variables, ports among them."""

    def __init__(self, command: Sequence[str], project: str, settings: dict[str, str]) -> None:
        self.project = project
        self.settings = settings
        self._command = list(command)
        self._engine: Any = docker.from_env()

    def up(self, *arguments: str) -> None:
        """Start what is not running. Raises AssertionError with what compose says."""
        self.compose("up", "-d", *arguments)

    def replace(self, service: str) -> None:
        """Make a service's container anew, with the settings as they are now."""
        self.up("--no-deps", "--force-recreate", "--scale", f"{service}=1", service)

    def down(self) -> None:
        """Remove everything, data too."""
        self.compose("down", "-v", "--remove-orphans", "-t", "5")

    def save_logs(self, path: Path) -> None:
        """Write down what the services said."""
        path.parent.mkdir(exist_ok=True)
        path.write_text(self.compose("logs", "--no-color", "--timestamps"), encoding="utf-8")

    def compose(self, *arguments: str) -> str:
        """Run a compose command on this project; gives its output."""
        done = subprocess.run(
            [*self._command, *arguments],
            env={**os.environ, **self.settings, "COMPOSE_INTERACTIVE_NO_CLI": "1"},
            capture_output=True,
            text=True,
            timeout=COMPOSE_SECONDS,
        )
        assert done.returncode == 0, f"compose {arguments}: {done.stderr}"
        return done.stdout

    def containers(self, service: str) -> list[Any]:
        """The running containers of a service, oldest first."""
        labels = [f"{PROJECT_LABEL}={self.project}", f"{SERVICE_LABEL}={service}"]
        found = self._engine.containers.list(filters={"label": labels})
        return sorted(found, key=lambda container: str(container.attrs["Created"]))

    def main_pids(self, service: str) -> list[int]:
        """The first process of each of a service's containers, as the host numbers it."""
        return [container.attrs["State"]["Pid"] for container in self.containers(service)]

    def kill(self, service: str) -> None:
        """SIGKILL a service's containers from outside, as the kernel would for want of memory.

        The engine takes that for a crash, and its restart policy applies.
        """
        pids = self.main_pids(service)
        assert pids, f"{service} does not run"
        for pid in pids:
            os.kill(pid, signal.SIGKILL)

    def execute(self, service: str, *command: str) -> str:
        """Run a command in a service's first container; gives its output."""
        code, output = self.containers(service)[0].exec_run(list(command))
        text: str = output.decode(errors="replace")
        assert code == 0, f"{command} in {service}: {text}"
        return text

    def gateway_urls(self) -> list[str]:
        """Where the gateways answer, one address for each replica."""
        return [url for container in self.containers("gateway") for url in self.urls_of(container)]

    def urls_of(self, gateway: Any) -> list[str]:
        """Where one gateway answers."""
        published = gateway.attrs["NetworkSettings"]["Ports"]["8080/tcp"]
        return [f"http://127.0.0.1:{port['HostPort']}" for port in published]

    def scale(self, replicas: dict[str, int]) -> None:
        """Run as many containers of services as given; those that are there stay."""
        counts = [part for name, n in replicas.items() for part in ("--scale", f"{name}={n}")]
        self.up("--no-deps", "--no-recreate", *counts, *replicas)

    def unwell(self) -> list[str]:
        """The services' containers whose own check fails now."""
        labels = [f"{PROJECT_LABEL}={self.project}"]
        running = self._engine.containers.list(filters={"label": labels})
        return [container.name for container in running if not _passes_its_check(container)]

    def restarts(self) -> dict[str, int]:
        """How often the engine has restarted each of the services' containers, by name."""
        labels = [f"{PROJECT_LABEL}={self.project}"]
        running = self._engine.containers.list(filters={"label": labels})
        return {container.name: container.attrs["RestartCount"] for container in running}

    def restarted_since(self, before: dict[str, int]) -> list[str]:
        """The services of which a container has ended and was restarted by the engine."""
        names = [name for name, count in self.restarts().items() if count > before.get(name, 0)]
        return sorted(name.removeprefix(f"{self.project}_").rsplit("_", 1)[0] for name in names)

    def addresses(self, service: str) -> list[str]:
        """The network addresses of a service's containers."""
        return [
            network["IPAddress"]
            for container in self.containers(service)
            for network in container.attrs["NetworkSettings"]["Networks"].values()
            if network["IPAddress"]
        ]

    def amqp_url(self) -> str:
        """RabbitMQ on loopback, with the services' virtual host."""
        password, port = self.settings["RABBITMQ_PASSWORD"], self.settings["TEST_RABBITMQ_PORT"]
        return f"amqp://runlet:{password}@127.0.0.1:{port}/runlet"

    def management_url(self) -> str:
        """RabbitMQ's management API on loopback."""
        password = self.settings["RABBITMQ_PASSWORD"]
        return (
            f"http://runlet:{password}@127.0.0.1:{self.settings['TEST_RABBITMQ_MANAGEMENT_PORT']}"
        )

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask the executions database something."""
        connection = psycopg2.connect(
            host="127.0.0.1",
            port=self.settings["TEST_POSTGRES_PORT"],
            user="postgres",
            password=self.settings["POSTGRES_PASSWORD"],
            dbname="executions",
            connect_timeout=5,
        )
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return list(cursor.fetchall())
        finally:
            connection.close()


def _passes_its_check(container: Any) -> bool:
    # The engine asks seldom, so the container's own check is asked here.
    check = container.attrs["Config"].get("Healthcheck", {}).get("Test", ["NONE"])
    if check[0] != "CMD":
        return True
    code, _ = container.exec_run(check[1:])
    return bool(code == 0)
