"""The runner's own code, with the proxy as its only way to the engine."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from runlet.languages import PYTHON
from runner.containers.engine import ContainerSettings, Engine, name_of
from runner.sandbox.interface import SandboxUnavailableError
from support.sandboxes.engine_proxy import EngineProxy, running_proxy
from support.sandboxes.sandboxes import DEFAULT_LIMITS, TestBed, open_test_bed
from support.wait_until import eventually


@pytest.fixture
def bed(proxy: EngineProxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestBed]:
    monkeypatch.setenv("DOCKER_HOST", proxy.url)
    with open_test_bed(runs_per_container=1) as bed:
        yield bed


def engine_at(proxy: EngineProxy) -> Engine:
    client = docker.DockerClient(base_url=proxy.url)
    return Engine(client, ContainerSettings("host:test:1", None, DEFAULT_LIMITS.memory_limit_mb))


def test_a_program_runs(bed: TestBed) -> None:
    outcome = bed.run("print(input())", stdin="through the proxy")

    assert (outcome.reason, outcome.result.stdout) == (None, "through the proxy\n")


@pytest.mark.usefixtures("bed")
def test_a_program_runs_where_fork_servers_are_off() -> None:
    with open_test_bed(runs_per_container=1, fork_servers=False) as without:
        assert without.run("print(1)").result.stdout == "1\n"


def test_a_program_that_is_compiled_gets_its_memory_in_between(bed: TestBed) -> None:
    outcome = bed.run('#include <stdio.h>\nint main(void) { puts("42"); }\n', "c")

    assert (outcome.reason, outcome.result.stdout) == (None, "42\n")


def test_hanging_up_ends_a_sandbox(proxy: EngineProxy) -> None:
    engine = engine_at(proxy)
    container = engine.start_container(PYTHON)
    assert container.name in map(name_of, engine.sandboxes())

    container.close()

    eventually(lambda: container.name not in map(name_of, engine.sandboxes()))


def test_a_sandbox_can_be_limited_looked_into_and_removed(proxy: EngineProxy) -> None:
    engine = engine_at(proxy)
    container = engine.start_container(PYTHON)

    engine.limit_memory(container, 64)
    assert not engine.ran_out_of_memory(container)
    engine.remove(container.name)

    assert container.name not in map(name_of, engine.sandboxes())


def test_the_owners_of_sandboxes_are_known_by_their_label(
    proxy: EngineProxy, engine: Any, victim: Any
) -> None:
    runner = engine.containers.run(
        "runlet/runtime-python",
        entrypoint=["sleep", "600"],
        labels={"runlet.role": "runner"},
        detach=True,
        network_mode="none",
    )
    try:
        assert engine_at(proxy).is_running(runner.id[:12])
        assert not engine_at(proxy).is_running(victim.id[:12])
    finally:
        runner.remove(force=True)
    assert not engine_at(proxy).is_running(runner.id[:12])


def test_a_proxy_that_went_away_is_a_fault_of_the_platform_until_it_is_back(
    tmp_path: Path,
) -> None:
    with running_proxy(tmp_path) as proxy:
        engine = engine_at(proxy)
        container = engine.start_container(PYTHON)

        proxy.container.kill()
        eventually(lambda: not container.is_up())
        assert not engine.answers()
        with pytest.raises(SandboxUnavailableError):
            engine.start_container(PYTHON)

        proxy.container.start()
        eventually(engine.answers)
        with contextlib.closing(engine.start_container(PYTHON)):
            assert container.name not in map(name_of, engine.sandboxes())
