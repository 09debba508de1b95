"""Who reaches whom in deploy/kubernetes, and how runners, queues and engines fit together."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from runlet import topology
from runlet.languages import LANGUAGES
from support.manifests.manifests import (
    KUBERNETES,
    OVERLAYS,
    Object,
    containers,
    of_kind,
    pod_labels,
    selects,
    values_of,
    workload,
    workloads,
)

BASE = KUBERNETES / "base"
SANDBOXED = KUBERNETES / "overlays" / "sandboxed-engine"
SPECIAL = KUBERNETES / "overlays" / "special-runners"
MADE_BY_OPERATORS = {("app.kubernetes.io/name", "rabbitmq"), ("cnpg.io/cluster", "postgres")}

every_overlay = pytest.mark.parametrize(
    "overlay", OVERLAYS, ids=lambda path: str(path.relative_to(KUBERNETES))
)
with_engines_outside = pytest.mark.parametrize(
    "overlay",
    [each for each in OVERLAYS if each != SANDBOXED],
    ids=lambda path: str(path.relative_to(KUBERNETES)),
)


@every_overlay
def test_every_policy_chooses_somebody(overlay: Path) -> None:
    for policy in of_kind(overlay, "NetworkPolicy"):
        selector = policy["spec"]["podSelector"]
        labels = set(selector.get("matchLabels", {}).items())
        chosen = [item for item in workloads(overlay) if selects(selector, pod_labels(item))]
        assert chosen or labels & MADE_BY_OPERATORS, policy["metadata"]["name"]


def test_nothing_is_allowed_that_no_policy_allows() -> None:
    policies = {item["metadata"]["name"]: item["spec"] for item in of_kind(BASE, "NetworkPolicy")}

    assert policies["default-deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def ways_out(overlay: Path, labels: dict[str, str]) -> Iterator[tuple[Any, list[Any]]]:
    """Where the policies let pods with these labels go: to whom, and to which ports."""
    for policy in of_kind(overlay, "NetworkPolicy"):
        if selects(policy["spec"]["podSelector"], labels):
            for rule in policy["spec"].get("egress", ()):
                yield rule.get("to"), [port["port"] for port in rule["ports"]]


@with_engines_outside
def test_runners_reach_the_broker_their_engines_and_names_only(overlay: Path) -> None:
    for item in of_kind(overlay, "StatefulSet"):
        ways = {ports[0]: to for to, ports in ways_out(overlay, dict(pod_labels(item)))}

        assert set(ways) == {53, 5672, 2376}
        assert ways[5672] == [
            {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "rabbitmq"}}}
        ]
        engines = [part["ipBlock"]["cidr"] for part in ways[2376]]
        assert all(cidr.startswith("192.0.2.") for cidr in engines)


def test_the_collector_s_callbacks_reach_no_private_address() -> None:
    labels = {"app.kubernetes.io/name": "result-collector"}
    blocks = [
        block
        for to, _ports in ways_out(BASE, labels)
        for block in values_of(to, "ipBlock")
        if block["cidr"] == "0.0.0.0/0"
    ]

    (block,) = blocks
    assert {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"} <= set(
        block["except"]
    )


def test_runners_hold_no_database_and_no_token() -> None:
    for overlay in OVERLAYS:
        for item in of_kind(overlay, "StatefulSet"):
            secrets = {each["name"] for each in values_of(item, "secretKeyRef")}
            assert secrets == {"rabbitmq-default-user"}


@every_overlay
def test_runners_scale_on_the_queues_of_the_languages_they_serve(overlay: Path) -> None:
    served: list[str] = []
    for scaled in of_kind(overlay, "ScaledObject"):
        spec = scaled["spec"]
        languages = [trigger["name"] for trigger in spec["triggers"]]
        queues = [trigger["metadata"]["queueName"] for trigger in spec["triggers"]]
        assert queues == [topology.run_queue(language) for language in languages]
        formula = spec["advanced"].get("scalingModifiers", {}).get("formula", languages[0])
        assert formula.split(" + ") == languages
        assert languages_of(workload(overlay, spec["scaleTargetRef"]["name"])) == set(languages)
        served += languages
    assert sorted(served) == sorted(LANGUAGES)


def languages_of(runners: Object) -> set[str]:
    """What both containers of a pool are told to serve; nothing means everything."""
    told = [
        variable["value"]
        for container in containers(runners)
        for variable in container.get("env", ())
        if variable["name"] == "RUNNER_LANGUAGES"
    ]
    assert len(told) == 2
    assert told[0] == told[1]
    return set(told[0].split(",")) if told[0] else set(LANGUAGES)


@with_engines_outside
def test_there_are_as_many_engines_as_there_may_be_runners(overlay: Path) -> None:
    for scaled in of_kind(overlay, "ScaledObject"):
        spec, name = scaled["spec"], scaled["spec"]["scaleTargetRef"]["name"]
        engines = engines_of(overlay, workload(overlay, name))
        most = spec["maxReplicaCount"]
        assert list(engines) == [f"{name}-{ordinal}" for ordinal in range(most)]
        assert spec["fallback"]["replicas"] == most >= spec["minReplicaCount"]


def engines_of(overlay: Path, runners: Object) -> dict[str, str]:
    """The addresses behind the names that a pool's runners have for their engines."""
    hosts = {
        variable["value"]
        for container in containers(runners)
        for variable in container.get("env", ())
        if variable["name"] == "DOCKER_HOST"
    }
    (host,) = hosts
    match = re.fullmatch(r"tcp://\$\(POD_NAME\)\.([a-z-]+)\.\$\(POD_NAMESPACE\)\.svc:2376", host)
    assert match, host
    (found,) = (
        item for item in of_kind(overlay, "EndpointSlice") if item["metadata"]["name"] == match[1]
    )
    return {each["hostname"]: each["addresses"][0] for each in found["endpoints"]}


def test_no_engine_serves_two_runners() -> None:
    for overlay in OVERLAYS:
        slices = of_kind(overlay, "EndpointSlice")
        addresses = [each["addresses"][0] for item in slices for each in item["endpoints"]]
        assert len(set(addresses)) == len(addresses)


def test_java_has_runners_of_its_own_that_differ_in_nothing_else() -> None:
    general = yaml.safe_dump(workload(SPECIAL, "runner")["spec"]["template"], sort_keys=True)
    java = yaml.safe_dump(workload(SPECIAL, "runner-java")["spec"]["template"], sort_keys=True)

    alike = java.replace("engine-java", "engine").replace("value: java", "value: LANGUAGES")
    alike = alike.replace("runlet/pool: java", "runlet/pool: general")
    assert sorted(alike.splitlines()) == sorted(
        general.replace(
            "value: python,javascript,c,cpp,go,php,ruby", "value: LANGUAGES"
        ).splitlines()
    )
