"""An engine that accepts connections and never answers holds up no thread for ever."""

import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import docker
import pytest

from runlet.languages import PYTHON
from runner.containers import engine as engine_module
from runner.containers.container import Container
from runner.containers.engine import ContainerSettings, Engine
from runner.sandbox.interface import SandboxUnavailableError

PATIENCE_SECONDS = 0.1


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    for name in ("ENGINE_SECONDS", "PING_SECONDS"):
        monkeypatch.setattr(engine_module, name, PATIENCE_SECONDS)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "docker.sock"))
        silent.listen(64)
        client = docker.DockerClient(
            base_url=f"unix://{tmp_path}/docker.sock", version="1.41", timeout=1
        )
        with closing(client):
            yield Engine(client, ContainerSettings("me", None, 256))


@pytest.fixture
def container() -> Iterator[Container]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Container("runlet-sandbox-1", PYTHON, 256, ours)


@pytest.mark.parametrize(
    "call",
    [
        lambda engine, container: engine.start_container(PYTHON),
        lambda engine, container: engine.limit_memory(container, 64),
        lambda engine, container: engine.sandboxes(),
        lambda engine, container: engine.is_running("0123456789ab"),
    ],
    ids=["start a container", "limit its memory", "list containers", "look at a runner"],
)
def test_a_call_ends_as_a_fault_of_the_platform(
    engine: Engine, container: Container, call: Callable[[Engine, Container], object]
) -> None:
    with pytest.raises(SandboxUnavailableError):
        call(engine, container)


def test_what_needs_no_answer_does_without(engine: Engine, container: Container) -> None:
    engine.remove(container.name)

    assert not engine.answers()
    assert not engine.ran_out_of_memory(container)
