"""What docs/tracing.md tells operators holds for the compose file."""

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
EXPORTING = {"session-api", "execution-api", "execution-relay", "runner", "result-collector"}
SETTINGS = {
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
}


def compose() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    return parsed


def documented() -> dict[str, Any]:
    page = (ROOT / "docs/tracing.md").read_text("utf-8")
    [block] = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    parsed: dict[str, Any] = yaml.safe_load(block)
    return parsed


def test_all_that_does_the_work_is_told_where_spans_go() -> None:
    told = {
        name: {setting for setting in service.get("environment", ()) if setting in SETTINGS}
        for name, service in compose()["services"].items()
    }
    assert {name for name, settings in told.items() if settings} == EXPORTING
    assert all(told[name] == SETTINGS for name in EXPORTING)


def test_nothing_is_exported_unless_it_is_asked_for() -> None:
    for name in EXPORTING:
        environment = compose()["services"][name]["environment"]
        assert environment["OTEL_EXPORTER_OTLP_ENDPOINT"] == "${OTEL_EXPORTER_OTLP_ENDPOINT:-}"


def test_every_service_reaches_a_collector_in_the_documented_networks() -> None:
    networks = documented()["networks"]
    joined = {name for name, network in networks.items() if network.get("external")}
    assert joined <= set(compose()["networks"])
    assert all(networks[name]["name"] == f"runlet_{name}" for name in joined)
    for name in EXPORTING:
        assert joined & set(compose()["services"][name]["networks"]), name
