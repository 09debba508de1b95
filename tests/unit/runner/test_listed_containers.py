"""What the runner makes of the engine's lists, which are all it sees of other containers."""

from types import SimpleNamespace
from typing import Any, cast

import docker
import pytest

from runner.containers.engine import ContainerSettings, Engine, name_of

RUNNER = "0123456789abcdef"


def engine_that_lists(*containers: dict[str, Any]) -> Engine:
    api = SimpleNamespace(containers=lambda **_filters: list(containers))
    client = SimpleNamespace(api=api)
    return Engine(cast(docker.DockerClient, client), ContainerSettings("me", None, 256))


@pytest.mark.parametrize(
    ("state", "runs"),
    [("running", True), ("paused", True), ("restarting", True), ("exited", False)],
)
def test_a_runner_lives_unless_it_has_ended(state: str, runs: bool) -> None:
    engine = engine_that_lists({"Id": RUNNER, "State": state})

    assert engine.is_running(RUNNER[:12]) is runs


@pytest.mark.parametrize("owner", ["", "0123", "abcdef012345", "host:laptop:17"])
def test_an_owner_is_known_by_the_beginning_of_its_id_in_full_length(owner: str) -> None:
    assert not engine_that_lists({"Id": RUNNER, "State": "running"}).is_running(owner)


def test_only_what_has_a_sandboxs_name_is_one() -> None:
    engine = engine_that_lists(
        {"Names": ["/runlet-sandbox-1"]},
        {"Names": ["/from_an_older_version"]},
        {"Names": []},
        {"Names": None},
    )

    assert [name_of(each) for each in engine.sandboxes()] == ["runlet-sandbox-1"]
