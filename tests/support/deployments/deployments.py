"""Deployments beside the stack under test: its own containers again, with other settings.

They share its databases, its broker and its runner, and have a gateway and a front network of
their own, so that the stack's gateway knows nothing of them.
"""

import shlex
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any

import docker
import requests

from support.deployments.api_client import Platform, required
from support.wait_until import eventually

PROJECT_LABEL = "com.docker.compose.project"
SERVICE_LABEL = "com.docker.compose.service"
PORTS = {"gateway": 8080, "session-api": 8001, "execution-api": 8002}
START_SECONDS = 180


@dataclass(frozen=True)
class Part:
    """`replicas` copies of a service; `settings` are put above those of the stack's own."""

    service: str
    settings: Mapping[str, str]
    replicas: int = 1


class StackUnderTest:
    """The compose project that `make test` started."""

    def __init__(self) -> None:
        command = shlex.split(required("RUNLET_TEST_COMPOSE"))
        self.project = command[command.index("-p") + 1]
        # What is left of an interrupted test is found by this label: see deploy/bootstrap/test.sh.
        self.copies_project = self.project.replace("-test-", "-beside-")
        self.engine: Any = docker.from_env()

    def containers(self, service: str) -> list[Any]:
        """The running containers of a service."""
        labels = [f"{PROJECT_LABEL}={self.project}", f"{SERVICE_LABEL}={service}"]
        found: list[Any] = self.engine.containers.list(filters={"label": labels})
        assert found, f"{service} does not run in {self.project}."
        return found

    def logs(self) -> str:
        """What the stack's own containers and the deployments beside it have said so far."""
        projects = (self.project, self.copies_project)
        filters = [{"label": f"{PROJECT_LABEL}={project}"} for project in projects]
        found = [each for only in filters for each in self.engine.containers.list(filters=only)]
        return "\n".join(each.logs().decode(errors="replace") for each in found)

    def networks_of(self, service: str) -> set[str]:
        """The names of the networks that a service is in."""
        return set(self.containers(service)[0].attrs["NetworkSettings"]["Networks"])


class Deployment:
    """A gateway and the APIs behind it; `close` removes them."""

    def __init__(self, stack: StackUnderTest, name: str, parts: Iterable[Part]) -> None:
        self.name = name
        self._stack = stack
        self._made = ExitStack()
        self._urls: dict[str, list[str]] = {}
        try:
            self._start([Part("gateway", {}), *parts])
        except BaseException:
            self.close()
            raise

    @property
    def gateway_url(self) -> str:
        """Where the gateway answers."""
        return self._urls["gateway"][0]

    def replicas(self, service: str) -> list[Platform]:
        """Each replica of a service by itself, past the gateway."""
        return [Platform(url) for url in self._urls[service]]

    def close(self) -> None:
        """Remove the containers and the network."""
        self._made.close()

    def _start(self, parts: list[Part]) -> None:
        network = self._make_network()
        for part in parts:
            made = [self._copy(part, network, number) for number in range(part.replicas)]
            self._urls[part.service] = [_url(container, part.service) for container in made]
        for url in (url for urls in self._urls.values() for url in urls):
            eventually(lambda url=url: _lives(url), START_SECONDS)  # type: ignore[misc]

    def _make_network(self) -> str:
        labels = {PROJECT_LABEL: self._stack.copies_project}
        name = f"{self._stack.copies_project}_{self.name}"
        network = self._stack.engine.networks.create(name, driver="bridge", labels=labels)
        self._made.callback(network.remove)
        return name

    def _copy(self, part: Part, network: str, number: int) -> Any:
        """A container like the stack's own, but for its settings, its port and its front."""
        api = self._stack.engine.api
        original = self._stack.containers(part.service)[0].attrs
        config = self._configured(original, part, network)
        name = f"{self._stack.copies_project}_{self.name}-{part.service}-{number}"
        container_id = api.create_container_from_config(config, name)["Id"]
        self._made.callback(api.remove_container, container_id, force=True, v=True)
        shared = set(original["NetworkSettings"]["Networks"]) - self._stack.networks_of("gateway")
        for other in sorted(shared):
            api.connect_container_to_network(container_id, other)
        api.start(container_id)
        return self._stack.engine.containers.get(container_id)

    def _configured(self, original: Mapping[str, Any], part: Part, network: str) -> dict[str, Any]:
        port = f"{PORTS[part.service]}/tcp"
        environment = dict(entry.split("=", 1) for entry in original["Config"]["Env"])
        environment.update(part.settings)
        # The second name is for callers that are also in networks of the stack's own services.
        aliases = [part.service, f"{self.name}-{part.service}"]
        kept = {name: value for name, value in original["Config"].items() if name != "Hostname"}
        return {
            **kept,
            "Image": original["Image"],
            "Env": [f"{name}={value}" for name, value in environment.items()],
            "Labels": {PROJECT_LABEL: self._stack.copies_project},
            "HostConfig": {
                **original["HostConfig"],
                "NetworkMode": network,
                "PortBindings": {port: [{"HostIp": "127.0.0.1", "HostPort": ""}]},
                "RestartPolicy": {"Name": "no"},
            },
            "NetworkingConfig": {"EndpointsConfig": {network: {"Aliases": aliases}}},
        }


def _url(container: Any, service: str) -> str:
    [published, *_] = container.attrs["NetworkSettings"]["Ports"][f"{PORTS[service]}/tcp"]
    return f"http://127.0.0.1:{published['HostPort']}"


def _lives(url: str) -> bool:
    with suppress(requests.RequestException):
        return requests.get(f"{url}/health", timeout=5).status_code == 200
    return False
