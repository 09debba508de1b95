"""What deploy/kubernetes promises: privileges, networks, settings, and parts that fit."""

import dataclasses
from pathlib import Path

import pytest
import yaml

from execution_api.config import ApiConfig, RelayConfig
from result_collector.config import Config as CollectorConfig
from runlet_amqp.prepare_broker import Config as PrepareConfig
from runner.config import Config as RunnerConfig
from runner.runtimes import Config as RuntimesConfig
from session_api.config import Config as SessionApiConfig
from support.manifests.manifests import (
    KUBERNETES,
    OVERLAYS,
    Object,
    containers,
    of_kind,
    pod_labels,
    rendered,
    selects,
    values_of,
    workloads,
)

ROOT = Path(__file__).parents[2]
BASE = KUBERNETES / "base"
SANDBOXED = KUBERNETES / "overlays" / "sandboxed-engine"
# What the web server, the Docker SDK and other settings read.
NOT_OURS = {
    *("PORT", "WEB_WORKERS", "WEB_THREADS", "PROMETHEUS_MULTIPROC_DIR"),
    *("DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "POD_NAME", "POD_NAMESPACE"),
    *("RABBITMQ_USER", "RABBITMQ_PASSWORD"),
}
CONFIGS: dict[str, type] = {
    "session-api": SessionApiConfig,
    "execution-api": ApiConfig,
    "execution-relay": RelayConfig,
    "result-collector": CollectorConfig,
    "runner": RunnerConfig,
}
# Made by operators, or by who deploys: docs/kubernetes.md.
SECRETS = {
    *("runlet-databases", "runlet-tokens", "rabbitmq-default-user", "engine-client"),
    *("session-db-user", "execution-db-user", "collector-db-user"),
}

every_overlay = pytest.mark.parametrize(
    "overlay", OVERLAYS, ids=lambda path: str(path.relative_to(KUBERNETES))
)


def settings_of(config: type) -> set[str]:
    return {field.name.upper() for field in dataclasses.fields(config)}


@every_overlay
def test_nothing_is_privileged_and_nothing_of_the_node_is_shared(overlay: Path) -> None:
    for item in rendered(overlay):
        for key in ("privileged", "hostNetwork", "hostPID", "hostIPC", "hostPath", "hostPort"):
            assert not list(values_of(item, key)), (item["metadata"]["name"], key)
        assert "/var/run/docker.sock" not in yaml.safe_dump(item)


@every_overlay
def test_every_container_is_confined_but_the_engine_in_its_sandbox(overlay: Path) -> None:
    for item in workloads(overlay):
        pod = item["spec"]["template"]["spec"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in containers(item):
            if overlay == SANDBOXED and container["name"] == "engine":
                assert (pod["runtimeClassName"], pod["hostUsers"]) == ("sysbox-runc", False)
                continue
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, container["name"]


@every_overlay
def test_every_container_says_what_it_needs_and_how_it_is(overlay: Path) -> None:
    for item in workloads(overlay):
        for container in containers(item):
            assert set(container["resources"]["requests"]) == {"cpu", "memory"}
            assert "memory" in container["resources"]["limits"]
        for container in item["spec"]["template"]["spec"]["containers"]:
            assert {"livenessProbe", "readinessProbe"} <= set(container)


@every_overlay
def test_an_outage_of_the_broker_takes_no_execution_api_out_of_service(overlay: Path) -> None:
    (api,) = (item for item in workloads(overlay) if item["metadata"]["name"] == "execution-api")
    (container,) = api["spec"]["template"]["spec"]["containers"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/ready?for=requests"


@every_overlay
def test_pods_may_take_as_long_to_stop_as_under_compose(overlay: Path) -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    for item in workloads(overlay):
        name = item["metadata"]["labels"]["app.kubernetes.io/name"]
        grace = int(compose["services"][name]["stop_grace_period"].rstrip("s"))
        assert item["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] >= grace, name


@every_overlay
def test_whatever_is_referred_to_is_there(overlay: Path) -> None:
    maps = {item["metadata"]["name"] for item in of_kind(overlay, "ConfigMap")}
    services = {item["metadata"]["name"] for item in of_kind(overlay, "Service")}
    for item in workloads(overlay):
        for key in ("configMap", "configMapRef"):
            assert {each["name"] for each in values_of(item, key)} <= maps
        secrets = {each["name"] for each in values_of(item, "secretKeyRef")}
        assert secrets | set(values_of(item, "secretName")) <= SECRETS
        assert item["spec"].get("serviceName", "runner") in services
    for item in of_kind(overlay, "EndpointSlice"):
        assert item["metadata"]["labels"]["kubernetes.io/service-name"] in services


@every_overlay
def test_services_choose_the_pods_of_exactly_one_workload(overlay: Path) -> None:
    for item in of_kind(overlay, "Service"):
        if "selector" in item["spec"]:
            assert len(chosen_by({"matchLabels": item["spec"]["selector"]}, overlay)) == 1


@every_overlay
def test_every_workload_and_the_broker_have_a_budget_of_their_own(overlay: Path) -> None:
    budgets = {
        item["metadata"]["name"]: item["spec"]["selector"]
        for item in of_kind(overlay, "PodDisruptionBudget")
    }

    assert budgets.pop("rabbitmq") == {"matchLabels": {"app.kubernetes.io/name": "rabbitmq"}}
    assert {name: chosen_by(selector, overlay) for name, selector in budgets.items()} == {
        item["metadata"]["name"]: [item["metadata"]["name"]] for item in workloads(overlay)
    }


def chosen_by(selector: Object, overlay: Path) -> list[str]:
    return [
        item["metadata"]["name"]
        for item in workloads(overlay)
        if selects(selector, pod_labels(item))
    ]


@every_overlay
def test_every_setting_that_is_passed_is_one_that_the_service_knows(overlay: Path) -> None:
    for item in workloads(overlay):
        name = item["metadata"]["labels"]["app.kubernetes.io/name"]
        for container in item["spec"]["template"]["spec"]["containers"]:
            passed = {variable["name"] for variable in container.get("env", ())}
            known = settings_of(CONFIGS[name]) if name in CONFIGS else set()
            known |= {f"{setting}_FILE" for setting in known}
            assert passed - NOT_OURS <= known, name


def test_every_common_setting_is_known_to_somebody() -> None:
    lines = (BASE / "settings.env").read_text(encoding="utf-8").splitlines()
    known = set[str]().union(*map(settings_of, (*CONFIGS.values(), PrepareConfig, RuntimesConfig)))

    assert {line.partition("=")[0] for line in lines} <= known


def test_rabbitmq_is_a_cluster_of_three_on_different_nodes() -> None:
    (cluster,) = of_kind(BASE, "RabbitmqCluster")

    assert cluster["spec"]["replicas"] == 3
    (apart,) = cluster["spec"]["affinity"]["podAntiAffinity"].values()
    assert apart[0]["topologyKey"] == "kubernetes.io/hostname"


def test_rabbitmq_is_set_up_as_under_compose() -> None:
    (cluster,) = of_kind(BASE, "RabbitmqCluster")
    in_cluster = cluster["spec"]["rabbitmq"]["additionalConfig"].splitlines()
    compose = (ROOT / "deploy/rabbitmq/rabbitmq.conf").read_text(encoding="utf-8").splitlines()

    for name in ("disk_free_limit", "vm_memory_high_watermark", "consumer_timeout"):
        (setting,) = (line for line in compose if line.startswith(name))
        assert setting in in_cluster
