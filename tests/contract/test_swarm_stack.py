"""What deploy/swarm promises, as far as it can be read; tests/e2e/test_swarm.py deploys it."""

import dataclasses
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from execution_api.config import ApiConfig, RelayConfig
from result_collector.config import Config as CollectorConfig
from runlet_amqp.prepare_broker import Config as PrepareConfig
from runner.config import Config as RunnerConfig
from runner.runtimes import Config as RuntimesConfig
from session_api.config import Config as SessionApiConfig

ROOT = Path(__file__).parents[2]
FILES = [ROOT / "deploy/swarm/stack.yml", ROOT / "deploy/swarm/data.yml"]
CONFIGS: dict[str, tuple[type, ...]] = {
    "session-api": (SessionApiConfig,),
    "execution-api": (ApiConfig,),
    "execution-relay": (RelayConfig, PrepareConfig),
    "runner": (RunnerConfig, RuntimesConfig),
    "result-collector": (CollectorConfig,),
}
# What the web server and the SDKs of Docker and OpenTelemetry read.
NOT_OURS = {
    *("PORT", "WEB_WORKERS", "WEB_THREADS", "PROMETHEUS_MULTIPROC_DIR"),
    *("DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"),
    *("OTEL_RESOURCE_ATTRIBUTES", "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"),
}
HASHES = ("NGINX", "BACKENDS", "START_POSTGRES", "DATABASES", "RABBITMQ", "POLICIES")


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return {name: each for path in FILES for name, each in read(path)["services"].items()}


def test_no_service_is_privileged_and_none_sees_an_engine_s_socket(
    services: dict[str, Any],
) -> None:
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert not {"privileged", "cap_add", "network_mode", "pid"} & set(service), name
        assert "docker.sock" not in yaml.safe_dump(service), name


def test_our_services_have_a_read_only_root(services: dict[str, Any]) -> None:
    for name in (*CONFIGS, "gateway"):
        assert services[name]["read_only"] is True, name


def test_passwords_come_from_secrets_that_the_swarm_keeps(services: dict[str, Any]) -> None:
    for path in FILES:
        assert all(secret["external"] for secret in read(path)["secrets"].values())
    for name, service in services.items():
        for variable, value in service.get("environment", {}).items():
            assert not variable.endswith(("_URL", "_PASSWORD")) or value.startswith("http://"), name


def test_every_setting_that_is_passed_is_one_that_the_service_knows(
    services: dict[str, Any],
) -> None:
    for name, configs in CONFIGS.items():
        known = {f.name.upper() for config in configs for f in dataclasses.fields(config)}
        passed = {each.removesuffix("_FILE") for each in services[name]["environment"]}
        assert passed - NOT_OURS <= known, name


def test_a_failed_update_is_rolled_back(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["deploy"]["update_config"]["failure_action"] == "rollback", name


def test_services_may_take_as_long_to_stop_as_under_compose(services: dict[str, Any]) -> None:
    compose = read(ROOT / "docker-compose.yml")["services"]
    for name, service in services.items():
        assert service["stop_grace_period"] == compose[name]["stop_grace_period"], name


def test_runners_share_no_network_with_the_databases(services: dict[str, Any]) -> None:
    assert not set(services["runner"]["networks"]) & set(services["postgres"]["networks"])
    assert read(FILES[1])["networks"]["database"]["internal"] is True


def test_docker_itself_can_read_the_stack() -> None:
    """Where its command line is new enough to be asked."""
    asked = subprocess.run(
        ["docker", "stack", "config", "--help"], capture_output=True, text=True, timeout=180
    )
    if "docker stack config" not in asked.stdout:
        pytest.skip("This docker has no `stack config`; the deployment itself has to tell.")
    settings = {f"{name}_HASH": "0" for name in HASHES} | {"ENGINE_HOST": "tcp://engine:2376"}
    done = subprocess.run(
        ["docker", "stack", "config", *(part for path in FILES for part in ("-c", str(path)))],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    assert set(yaml.safe_load(done.stdout)["services"]) >= set(CONFIGS)
