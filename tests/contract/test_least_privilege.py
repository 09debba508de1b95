"""What the compose file lets each service do."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COMPOSE = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE)["services"]
OVERLAYS = ("docker-compose.offline.yml",)

# Both write beside their data folders as they start.
WRITABLE = {"postgres", "rabbitmq"}
# The engine's socket is root's.
WITH_SOCKET = {"engine-proxy": "0:10001", "runtimes": "0:0"}
# And so is a new volume. None has a network, and none runs anybody's code.
ROOTS = {**WITH_SOCKET, "secrets": "0:0"}
OURS = "runlet/"
SECRETS = "/run/secrets/"
DATABASE_SERVER = {"postgres", "postgres-passwords"}
EXECUTION_API = {"execution-api", "execution-relay"}
# Who reads which secret, beside the service that makes it.
READERS = {
    "postgres-password": DATABASE_SERVER,
    "session-db-password": DATABASE_SERVER | {"session-migrate", "session-api"},
    "execution-db-password": DATABASE_SERVER | EXECUTION_API | {"execution-migrate"},
    "collector-db-password": DATABASE_SERVER | {"result-collector"},
    "rabbitmq-password": EXECUTION_API | {"broker-prepare", "runner", "result-collector"},
    "rabbitmq-definitions": {"rabbitmq"},
    "service-token": {"session-api", "execution-api"},
    "metrics-token": {"session-api", "execution-api", "prometheus"},
    "callback-secret": {"result-collector"},
    "grafana-admin-password": {"grafana"},
}


def volumes(service: dict[str, Any]) -> list[str]:
    return [str(volume) for volume in service.get("volumes", [])]


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_without_capabilities_and_gets_none(name: str) -> None:
    service = SERVICES[name]

    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "devices", "pid", "ipc", "userns_mode"} & set(service)


@pytest.mark.parametrize("name", sorted(set(SERVICES) - WRITABLE))
def test_every_service_has_a_read_only_root(name: str) -> None:
    assert SERVICES[name]["read_only"] is True


@pytest.mark.parametrize("name", sorted(set(SERVICES) - set(ROOTS)))
def test_every_service_runs_as_somebody_unprivileged(name: str) -> None:
    service = SERVICES[name]

    if "user" in service:
        assert re.fullmatch(r"[1-9][0-9]*:[0-9]+", service["user"])
    else:
        assert service["image"].startswith(OURS)


@pytest.mark.parametrize("name", ROOTS)
def test_who_runs_as_root_has_no_network(name: str) -> None:
    assert SERVICES[name]["user"] == ROOTS[name]
    assert SERVICES[name]["network_mode"] == "none"


def test_the_image_of_the_services_has_an_unprivileged_user() -> None:
    recipe = (ROOT / "deploy/service/Dockerfile").read_text(encoding="utf-8")

    assert re.findall(r"^USER (.+)$", recipe, re.MULTILINE) == ["runlet"]
    assert "useradd --uid 10001" in recipe


def test_only_the_proxy_and_the_builder_of_images_have_the_engines_socket() -> None:
    with_socket = {name for name, each in SERVICES.items() if "docker.sock" in str(volumes(each))}

    assert with_socket == set(WITH_SOCKET)


def test_no_overlay_hands_the_engines_socket_to_anybody() -> None:
    for file in OVERLAYS:
        assert "docker.sock" not in (ROOT / file).read_text(encoding="utf-8")


def test_a_runner_reaches_the_engine_through_the_proxy_alone() -> None:
    runner, proxy = SERVICES["runner"], SERVICES["engine-proxy"]

    assert [each for each in volumes(runner) if SECRETS not in each] == [
        "engine-proxy:/run/engine:ro"
    ]
    assert runner["environment"]["DOCKER_HOST"] == "unix:///run/engine/docker.sock"
    assert "engine-proxy:/run/engine" in volumes(proxy)
    sharing = {name for name, each in SERVICES.items() if "engine-proxy:" in str(volumes(each))}
    assert sharing == {"runner", "engine-proxy"}


def test_the_proxy_lets_through_the_runtime_that_the_runners_ask_for() -> None:
    asked = SERVICES["runner"]["environment"]["SANDBOX_RUNTIME"]

    assert SERVICES["engine-proxy"]["environment"]["SANDBOX_RUNTIME"] == asked


def test_no_password_has_a_default() -> None:
    passwords = set(re.findall(r"\$\{([A-Z_]*PASSWORD[^}]*)\}", COMPOSE))

    assert passwords
    assert not [each for each in passwords if re.search(r":?-.", each)]


def test_no_password_is_asked_for() -> None:
    assert not re.findall(r"\$\{[A-Z_]+:?\?[^}]*\}", COMPOSE)


def test_a_secret_is_in_a_volume_that_only_its_readers_have() -> None:
    mounted = [
        (name, *volume.split(":")) for name, each in SERVICES.items() for volume in volumes(each)
    ]
    found: dict[str, set[str]] = {}
    for name, volume, path, *mode in mounted:
        if path.startswith(SECRETS) and name != "secrets":
            assert (path, mode) == (SECRETS + volume, ["ro"]), (name, volume)
            found.setdefault(volume, set()).add(name)

    assert found == READERS


def test_what_makes_the_secrets_can_write_each_of_them() -> None:
    written = {each for each in volumes(SERVICES["secrets"]) if SECRETS in each}

    assert written == {f"{volume}:{SECRETS}{volume}" for volume in READERS}
