"""The engine's events say whose memory ended, by the engine's own clock."""

import json
import socket
import time
from collections.abc import Iterator
from email.utils import formatdate
from types import SimpleNamespace
from typing import Any, cast

import docker
import pytest

from runlet.languages import PYTHON
from runner.containers.container import Container
from runner.containers.engine import LONGEST_JOB_SECONDS, ContainerSettings, Engine

HOUR = 3600.0


class EngineWithClock:
    """The calls of the SDK's client that are used; its clock is `ahead_seconds` ahead of ours."""

    base_url, api_version = "http://engine", "1.41"

    def __init__(self, ahead_seconds: float, says_date: bool = True) -> None:
        self.now = time.time() + ahead_seconds
        self.says_date = says_date
        self.oom_at: dict[str, float] = {}

    def get(self, url: str, params: dict[str, Any] | None = None, **_options: object) -> Any:
        if params is None:
            headers = {"Date": formatdate(self.now, usegmt=True)} if self.says_date else {}
            return SimpleNamespace(ok=True, headers=headers)
        assert url.endswith("/events")
        (name,) = json.loads(params["filters"])["container"]
        oom_at = self.oom_at.get(name, 0.0)
        found = [b'{"status": "oom"}'] if params["since"] <= oom_at < params["until"] else []
        return SimpleNamespace(ok=True, iter_lines=lambda: found, close=lambda: None)


@pytest.fixture
def container() -> Iterator[Container]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Container("runlet-sandbox-1", PYTHON, 256, ours)


def engine_on(api: EngineWithClock) -> Engine:
    client = cast(docker.DockerClient, SimpleNamespace(api=api))
    return Engine(client, ContainerSettings("me", None, 256))


@pytest.mark.parametrize("ahead", [-HOUR, 0.0, HOUR], ids=["behind", "equal", "ahead"])
@pytest.mark.parametrize("ago", [0.0, LONGEST_JOB_SECONDS / 2], ids=["just now", "a while ago"])
def test_an_end_of_memory_is_seen_however_far_the_clocks_are_apart(
    container: Container, ahead: float, ago: float
) -> None:
    api = EngineWithClock(ahead)
    api.oom_at[container.name] = api.now - ago

    assert engine_on(api).ran_out_of_memory(container)


def test_what_is_older_than_any_run_is_not_this_ones(container: Container) -> None:
    api = EngineWithClock(HOUR)
    api.oom_at[container.name] = api.now - 2 * LONGEST_JOB_SECONDS

    assert not engine_on(api).ran_out_of_memory(container)


def test_an_engine_that_does_not_say_its_time_is_asked_by_ours(container: Container) -> None:
    api = EngineWithClock(0.0, says_date=False)
    api.oom_at[container.name] = api.now - 1

    assert engine_on(api).ran_out_of_memory(container)
