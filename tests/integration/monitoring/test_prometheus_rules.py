"""Prometheus's own tools accept the configuration, prove the rules and like our metrics' names."""

from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest

from runlet_telemetry.metrics import SERVED
from support.deployments.compose import compose

RULE_TESTS = Path(__file__).with_name("rules")


def promtool(command: str, mounted: Path) -> None:
    """Run a shell line in the deployment's own Prometheus image; fails with what it prints."""
    options = ["--rm", "--no-deps", "-T", "-v", f"{mounted}:/mounted:ro", "--entrypoint", "sh"]
    compose("run", *options, "prometheus", "-c", f"{{ {command}; }} 2>&1")


def test_the_configuration_is_valid() -> None:
    # The file of the token is made at the start of the container.
    promtool(
        ": >/tmp/metrics-token; "
        "promtool check config --lint=all --lint-fatal /etc/prometheus/prometheus.yml",
        RULE_TESTS,
    )


def test_rules_fire_when_they_should_and_only_then() -> None:
    promtool("promtool test rules /mounted/*.yml", RULE_TESTS)


def test_metrics_follow_the_naming_rules(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    for metric in {metric for metrics in SERVED.values() for metric in metrics}:
        registry.register(metric)
    page = tmp_path / "metrics"
    page.write_bytes(generate_latest(registry))
    page.chmod(0o644)
    promtool("promtool check metrics </mounted", page)
