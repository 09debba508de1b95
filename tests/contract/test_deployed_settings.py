"""Compose, Kubernetes and the swarm pass on each setting of a service, with the code's default."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.documents.setting_docs import NO_VARIABLE, PROCESSES, VARIABLE, Setting, settings
from support.manifests.manifests import KUBERNETES, containers, of_kind, workload

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
SWARM = ROOT / "deploy/swarm/stack.yml"
BASE = KUBERNETES / "base"
# What prepares the way for a service: of its own in compose, else a part of it.
PREPARED_BY = {"execution-relay": "broker-prepare", "runner": "runtimes"}
SERVICES = [name for name in PROCESSES if name not in PREPARED_BY.values()]

MOUNTED = "Names a file, which has to be mounted as well."
IN_THE_IMAGE = "A folder of the image."
TUNING = "The default fits; for a file of the operator's own."
NOT_USED = "The session API has it with the other limits, and runs nothing."
NO_WAY_OUT = "The network policies let no spans out: a policy and the address come together."
# By setting, or by service and setting.
NOWHERE = {
    "AGENT_DIR": IN_THE_IMAGE,
    "RUNTIMES_DIR": IN_THE_IMAGE,
    "AMQP_CA_FILE": MOUNTED,
    "AMQP_CERT_FILE": MOUNTED,
    "AMQP_KEY_FILE": MOUNTED,
    "DATABASE_POOL_SIZE": TUNING,
    "OTEL_BSP_MAX_QUEUE_SIZE": TUNING,
    "OTEL_BSP_SCHEDULE_DELAY": TUNING,
    "OTEL_EXPORTER_OTLP_PROTOCOL": "It has one value.",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "Another way to say OTEL_EXPORTER_OTLP_ENDPOINT.",
    "OTEL_SDK_DISABLED": "As without OTEL_EXPORTER_OTLP_ENDPOINT.",
}
EXCEPTIONS: dict[str, dict[str, str]] = {
    "compose": {**NOWHERE, "session-api OUTPUT_LIMIT_BYTES": NOT_USED},
    "swarm": {
        **NOWHERE,
        "API_TOKENS_FILE": MOUNTED,
        "session-api OUTPUT_LIMIT_BYTES": NOT_USED,
    },
    "kubernetes": {
        **NOWHERE,
        "API_TOKENS_FILE": MOUNTED,
        "OTEL_EXPORTER_OTLP_ENDPOINT": NO_WAY_OUT,
        "OTEL_EXPORTER_OTLP_HEADERS": NO_WAY_OUT,
    },
}
# Runners whose engine is elsewhere cannot count its cores.
OWN_DEFAULT = {"RUNNER_CONCURRENCY"}


def in_compose(service: str) -> set[str]:
    """The variables that compose gives a service and what prepares its way."""
    declared = _read(COMPOSE)["services"]
    together = (service, PREPARED_BY.get(service, service))
    return {name for each in together for name in declared[each]["environment"]}


def in_the_swarm(service: str) -> set[str]:
    """The variables that the swarm gives a service."""
    return {*_read(SWARM)["services"][service]["environment"]}


def in_kubernetes(service: str) -> set[str]:
    """The variables that the pods of a service get, those of all services among them."""
    maps = {item["metadata"]["name"]: item["data"] for item in of_kind(BASE, "ConfigMap")}
    found = set[str]()
    for container in containers(workload(BASE, service)):
        found |= {variable["name"] for variable in container.get("env", ())}
        for source in container.get("envFrom", ()):
            found |= {*maps[source["configMapRef"]["name"]]}
    return found


DEPLOYMENTS: dict[str, Callable[[str], set[str]]] = {
    "compose": in_compose,
    "swarm": in_the_swarm,
    "kubernetes": in_kubernetes,
}


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_each_setting_of_a_service_is_passed_on_or_excepted(deployment: str, service: str) -> None:
    excepted = EXCEPTIONS[deployment]
    missing = set(_missing(deployment, service))
    assert {name for name in missing if not {name, f"{service} {name}"} & {*excepted}} == set()


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_no_exception_is_one_for_nothing(deployment: str) -> None:
    missing = {
        each
        for service in SERVICES
        for name in _missing(deployment, service)
        for each in (name, f"{service} {name}")
    }
    assert {*EXCEPTIONS[deployment]} <= missing


@pytest.mark.parametrize("setting", settings(), ids=lambda setting: setting.name)
def test_the_swarm_and_kubernetes_give_the_default_that_the_code_has(setting: Setting) -> None:
    lines = (BASE / "settings.env").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("=", 1) for line in lines]
    given = [value for name, value in [*pairs, *_defaults(SWARM)] if name == setting.name and value]
    if setting.name not in OWN_DEFAULT:
        assert {*given} <= {(setting.default or "").strip("`")}


def _missing(deployment: str, service: str) -> Iterator[str]:
    """The settings of a service that a deployment does not pass on, by value or in a file."""
    passed = DEPLOYMENTS[deployment](service)
    for name in _settings_of(service, PREPARED_BY.get(service, service)):
        if not {name, f"{name}_FILE"} & passed:
            yield name


def _settings_of(*processes: str) -> set[str]:
    return {
        field.name.upper() for each in processes for field in dataclasses.fields(PROCESSES[each])
    }


def _defaults(path: Path) -> Iterable[tuple[str, str]]:
    found: list[tuple[str, str]] = VARIABLE.findall(NO_VARIABLE.sub("", path.read_text("utf-8")))
    return found


def _read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))
