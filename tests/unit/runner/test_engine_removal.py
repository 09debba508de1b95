from types import SimpleNamespace
from typing import cast

import docker
import pytest
import structlog.testing
from docker.errors import APIError, NotFound

from runner.containers.engine import ContainerSettings, Engine


def engine_that(error: APIError) -> Engine:
    def remove_container(_container_id: str, **_options: object) -> None:
        raise error

    client = SimpleNamespace(api=SimpleNamespace(remove_container=remove_container))
    return Engine(cast(docker.DockerClient, client), ContainerSettings("me", None, 256))


@pytest.mark.parametrize(
    ("error", "warnings"),
    [(NotFound("No such container"), 0), (APIError("driver failed"), 1)],
    ids=["gone already", "refused"],
)
def test_removing_what_is_gone_is_no_news(error: APIError, warnings: int) -> None:
    with structlog.testing.capture_logs() as logs:
        engine_that(error).remove("container")

    assert [entry["log_level"] for entry in logs] == ["warning"] * warnings
