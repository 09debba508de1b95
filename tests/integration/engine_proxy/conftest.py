"""A proxy in front of the real engine, and a container that is none of a runner's business."""

import contextlib
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import docker
import pytest

from support.sandboxes.engine_proxy import EngineProxy, running_proxy


@pytest.fixture(scope="session")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProxy]:
    with running_proxy(tmp_path_factory.mktemp("engine-proxy")) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def engine() -> Iterator[Any]:
    """The engine itself, past the proxy."""
    with contextlib.closing(docker.DockerClient.from_env()) as client:
        yield client


@pytest.fixture(scope="session")
def victim(engine: Any) -> Iterator[Any]:
    container = engine.containers.run(
        "runlet/runtime-python",
        entrypoint=["sleep", "600"],
        detach=True,
        name=f"runlet-test-victim-{uuid4().hex}",
        environment={"DATABASE_PASSWORD": "a secret of another container"},
        network_mode="none",
    )
    try:
        yield container
    finally:
        container.remove(force=True, v=True)
