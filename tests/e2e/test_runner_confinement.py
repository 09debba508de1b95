"""What the runner of a running stack gets when it asks for more than sandboxes."""

import json

import pytest

from support.deployments.compose import compose

# Run in the runner's container, with its own Docker SDK and its own settings.
ASK = """
import json, socket, sys
import docker
from docker.errors import APIError
client, me, image = docker.from_env(), socket.gethostname(), "runlet/runtime-python"
def answer(wish):
    try:
        return [0, str(eval(wish))[:200]]
    except APIError as error:
        return [error.status_code, str(error.explanation)]
print(json.dumps([answer(wish) for wish in sys.argv[1:]]))
"""
WISHES = [
    "client.containers.create(image, privileged=True)",
    "client.containers.create(image, volumes=['/:/host'])",
    "client.containers.create(image, network_mode='host', pid_mode='host')",
    "client.containers.create(image, 'id', entrypoint='sh')",
    "client.containers.list()",
    "client.api.inspect_container(me)",
    "client.api.logs(me)",
    "client.api.exec_create(me, 'id')",
    "client.images.list()",
    "client.volumes.list()",
    "client.info()",
]
LOOK_AROUND = """
import json, os, pathlib
status = pathlib.Path("/proc/self/status").read_text()
print(json.dumps({
    "uid": os.getuid(),
    "capabilities": [line.split()[1] for line in status.splitlines() if line.startswith("CapEff")],
    "sockets": [str(path) for path in pathlib.Path("/run").rglob("docker.sock")],
}))
"""


def in_runner(*command: str) -> str:
    return compose("exec", "-T", "runner", *command)


@pytest.fixture(scope="module")
def answers() -> dict[str, tuple[int, str]]:
    told = json.loads(in_runner("python", "-c", ASK, *WISHES))
    return dict(zip(WISHES, told, strict=True))


@pytest.mark.parametrize("wish", WISHES)
def test_the_engine_is_out_of_its_reach(answers: dict[str, tuple[int, str]], wish: str) -> None:
    status, explanation = answers[wish]

    assert status == 403, explanation
    assert "The engine proxy refuses this call" in explanation


def test_it_is_nobody_and_has_no_other_way_to_the_engine() -> None:
    found = json.loads(in_runner("python", "-c", LOOK_AROUND))

    assert found == {
        "uid": 10001,
        "capabilities": ["0" * 16],
        "sockets": ["/run/engine/docker.sock"],
    }
