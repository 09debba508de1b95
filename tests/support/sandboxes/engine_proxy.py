"""The engine proxy of the compose file, in a container of the test's own, and raw calls to it."""

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import docker
import requests
import yaml
from docker.errors import ImageNotFound

from runlet.languages import PYTHON
from runner.containers.engine import ContainerSettings, Engine
from runner.sandbox.interface import SandboxUnavailableError
from support.wait_until import eventually

ROOT = Path(__file__).parents[3]
COMPOSE_FILES = ("docker-compose.offline.yml", "docker-compose.yml")
ENGINE_SOCKET = "/var/run/docker.sock"
ENGINE = urlsplit(os.environ.get("DOCKER_HOST") or f"unix://{ENGINE_SOCKET}").path
LISTENS_IN = "/run/engine"
ANSWER_SECONDS = 120


@dataclass(frozen=True)
class Answer:
    """What came back: the status of the first answer, and everything as it was sent."""

    status: int
    raw: bytes

    @property
    def refused(self) -> bool:
        """Whether the proxy itself said no, by its rules or because it cannot read the request."""
        by_rule = self.status == 403 and b"The engine proxy" in self.raw
        return by_rule or (self.status == 400 and b"Your browser sent" in self.raw)


@dataclass(frozen=True)
class EngineProxy:
    """A running proxy and the socket it listens on."""

    container: Any
    path: Path

    @property
    def url(self) -> str:
        """What DOCKER_HOST would say."""
        return f"unix://{self.path}"

    def call(self, method: str, target: str, body: bytes = b"", **headers: str) -> Answer:
        """Make one call as the SDK would, with headers of one's own (`_` stands for `-`)."""
        lines = {"Host": "localhost"}
        if body or method != "GET":
            lines["Content-Length"] = str(len(body))
        if body:
            lines["Content-Type"] = "application/json"
        lines |= {name.replace("_", "-"): value for name, value in headers.items()}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return self.send(f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode() + body)

    def send(self, data: bytes, answers: int = 1) -> Answer:
        """Send bytes as they are; wait for so many answers, or until the proxy hangs up."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ANSWER_SECONDS)
            connection.connect(str(self.path))
            connection.sendall(data)
            raw = b""
            with contextlib.suppress(ConnectionResetError):
                while raw.count(b"HTTP/1.") < answers or b"\r\n\r\n" not in raw[-4096:]:
                    received = connection.recv(65_536)
                    if not received:
                        break
                    raw += received
        return Answer(int(raw.split(b" ", 2)[1]) if raw else 0, raw)

    def answers(self) -> bool:
        """Whether somebody listens and the engine is behind it."""
        try:
            return self.call("GET", "/version").status == 200
        except OSError:
            return False


@contextlib.contextmanager
def running_proxy(folder: Path, sandbox_runtime: str = "") -> Iterator[EngineProxy]:
    """The proxy as the compose file describes it, but for who may use its socket."""
    folder.chmod(0o777)
    with contextlib.closing(docker.DockerClient.from_env()) as client:
        container = client.containers.run(
            _image(client),
            detach=True,
            name=f"runlet-test-proxy-{uuid4().hex}",
            init=True,
            read_only=True,
            tmpfs={"/tmp": ""},
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            # The socket's group is the test's, as it is the runners' in the compose file.
            user=f"0:{os.getgid()}",
            network_mode="none",
            environment={"SANDBOX_RUNTIME": sandbox_runtime},
            entrypoint=_declared("docker-compose.yml")["entrypoint"],
            volumes=[
                f"{ENGINE}:{ENGINE_SOCKET}",
                f"{ROOT / 'deploy/engine-proxy'}:/etc/runlet:ro",
                f"{folder}:{LISTENS_IN}",
            ],
        )
        try:
            proxy = EngineProxy(container, folder / "docker.sock")
            eventually(proxy.answers)
            yield proxy
        finally:
            container.remove(force=True, v=True)


def sandbox_name() -> str:
    """A name as runners give to sandboxes."""
    return f"runlet-sandbox-{uuid4().hex}"


def create_call(runtime: str | None = None) -> tuple[str, bytes]:
    """Where the runner's own code would create a sandbox, and the body it would send."""
    with contextlib.closing(_Recorder("unix:///nowhere", version="1.41")) as api:
        client = docker.DockerClient.__new__(docker.DockerClient)
        client.api = api
        engine = Engine(client, ContainerSettings("0123456789ab", runtime, 256))
        with contextlib.suppress(SandboxUnavailableError):
            engine.start_container(PYTHON)
        return api.target, api.body


class _Recorder(docker.APIClient):
    """Keeps a request instead of sending it."""

    target = ""
    body = b""

    def send(self, request: requests.PreparedRequest, **_options: Any) -> requests.Response:
        self.target = str(request.path_url)
        self.body = str(request.body).encode()
        raise requests.ConnectionError("not sent")


def as_the_sdk_writes(body: dict[str, Any]) -> bytes:
    """JSON as the Docker SDK serialises it."""
    return json.dumps(body).encode()


def _image(client: docker.DockerClient) -> str:
    for file in COMPOSE_FILES:
        image: str = _declared(file)["image"]
        with contextlib.suppress(ImageNotFound):
            client.images.get(image)
            return image
    raise AssertionError(
        "The engine proxy's image is not here yet. make test or make up brings it."
    )


def _declared(file: str) -> dict[str, Any]:
    compose = yaml.safe_load((ROOT / file).read_text(encoding="utf-8"))
    found: dict[str, Any] = compose["services"]["engine-proxy"]
    return found
