"""The stack that is measured: where it is, and how its runner is switched."""

import os
import shlex
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass

import docker
from docker.models.containers import Container

from benchmarks.speed import load

SECONDS_TO_RUN_CODE = 60


@dataclass(frozen=True)
class Stack:
    """A compose project; `compose` is the command that speaks of it."""

    client: docker.DockerClient
    compose: Sequence[str]
    project: str

    @classmethod
    def of_environment(cls, client: docker.DockerClient, name: str = "BENCH") -> "Stack":
        """The stack of that name which the command in deploy/bootstrap has started."""
        compose = shlex.split(os.environ[f"RUNLET_{name}_COMPOSE"])
        return cls(client, compose, os.environ[f"RUNLET_{name}_PROJECT"])

    def switch(self, runs_per_container: int, *, fork_servers: bool = True) -> None:
        """Have the runner use its containers so. Raises RuntimeError if it runs nothing."""
        environment = {
            **os.environ,
            "SANDBOX_RUNS_PER_CONTAINER": str(runs_per_container),
            "SANDBOX_FORK_SERVERS": "on" if fork_servers else "off",
        }
        self.run_compose("up", "-d", "--no-deps", "runner", environment=environment)
        deadline = time.monotonic() + SECONDS_TO_RUN_CODE
        while not self._runs_code():
            if time.monotonic() > deadline:
                raise RuntimeError("The stack does not run code; see its logs.")
            time.sleep(0.5)

    def run_compose(self, *arguments: str, environment: dict[str, str] | None = None) -> None:
        """A compose command. Raises CalledProcessError when it fails."""
        command = [*self.compose, *arguments]
        subprocess.run(command, env=environment, check=True, capture_output=True)

    def address(self) -> str:
        """The gateway's own address: a published port adds the engine's proxy to every call."""
        networks = self.container("gateway").attrs["NetworkSettings"]["Networks"].values()
        (network,) = networks
        return f"http://{network['IPAddress']}:8080"

    def container(self, service: str) -> Container:
        """The one container of a service. Raises ValueError when there are more or none."""
        labels = [
            f"com.docker.compose.project={self.project}",
            f"com.docker.compose.service={service}",
        ]
        (container,) = self.client.containers.list(filters={"label": labels})
        return container

    def _runs_code(self) -> bool:
        try:
            load.Caller(self.address(), "python", "print(1)\n", "1\n")()
        except RuntimeError:
            return False
        return True
