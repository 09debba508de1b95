"""Which project a plain `docker compose` speaks of, and by that whose volumes: `runlet`."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.deployments.compose_project import ROOT, copy_compose_files
from support.deployments.compose_versions import UnavailableError, compose_v1, compose_v2

# Only a failure takes that long, so a slow machine is given what it may need.
CONFIG_SECONDS = 300
REMEMBERED = (
    "COMPOSE_PROJECT_NAME=mine\nCOMPOSE_FILE=docker-compose.yml:docker-compose.offline.yml\n"
)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder of another name than the project's."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    copy_compose_files(folder)
    return folder


@pytest.fixture(scope="module")
def v2() -> list[str]:
    try:
        return compose_v2()
    except UnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def v1() -> list[str]:
    try:
        return compose_v1()
    except UnavailableError as error:
        pytest.skip(str(error))


def config(command: list[str], folder: Path, **settings: str) -> dict[str, Any]:
    """What compose makes of the files in a folder."""
    own = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    done = subprocess.run(
        [*command, "config"],
        cwd=folder,
        env={**own, **settings},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=CONFIG_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    read: dict[str, Any] = yaml.safe_load(done.stdout)
    return read


def test_the_file_adds_nothing_but_the_name() -> None:
    read = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    assert read == {"name": "runlet", "include": ["docker-compose.yml"]}


def test_it_is_runlet_in_a_folder_of_any_name(v2: list[str], clone: Path) -> None:
    plain = config(v2, clone)
    named = config([*v2, "-p", "runlet", "-f", "docker-compose.yml"], clone)

    assert plain["name"] == "runlet"
    assert plain["volumes"]["postgres-data"]["name"] == "runlet_postgres-data"
    for part in ("services", "networks", "volumes"):
        assert plain[part] == named[part]


def test_another_name_still_wins(v2: list[str], clone: Path) -> None:
    assert config([*v2, "-p", "mine"], clone)["name"] == "mine"
    assert config(v2, clone, COMPOSE_PROJECT_NAME="mine")["name"] == "mine"


def test_settings_reach_what_is_included(v2: list[str], clone: Path) -> None:
    (clone / ".env").write_text("GATEWAY_PORT=8123\n", encoding="utf-8")
    assert published(config(v2, clone)) == "8123"
    assert published(config(v2, clone, GATEWAY_PORT="8124")) == "8124"


def test_a_compose_file_of_the_operator_s_own_goes_on_top(v2: list[str], clone: Path) -> None:
    own = "services: {gateway: {environment: {OWN: chosen}}}"
    (clone / "docker-compose.override.yml").write_text(own, encoding="utf-8")
    assert config(v2, clone)["services"]["gateway"]["environment"] == {"OWN": "chosen"}


def test_what_make_up_wrote_down_holds(v2: list[str], clone: Path) -> None:
    (clone / ".env").write_text(REMEMBERED, encoding="utf-8")
    read = config(v2, clone)
    assert read["name"] == "mine"
    assert read["services"]["gateway"]["image"].startswith("runlet/")


def test_docker_compose_1_29_reads_the_stack_itself(v1: list[str], clone: Path) -> None:
    stack = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    assert set(config(v1, clone)["volumes"]) == set(stack["volumes"])


def published(read: dict[str, Any]) -> str:
    """The gateway's port on the machine."""
    (port,) = read["services"]["gateway"]["ports"]
    return str(port["published"])
