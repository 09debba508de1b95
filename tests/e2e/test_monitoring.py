"""The Prometheus of the deployment, on a stack that runs programs."""

from collections.abc import Iterator

import pytest

from monitoring import dashboard
from support.deployments.api_client import Platform, required
from support.deployments.compose import compose
from support.deployments.runner_replicas import runners_with
from support.telemetry import promql
from support.telemetry.prometheus import Prometheus
from support.wait_until import eventually

# Targets are looked up and scraped every 10 s.
SECONDS_TO_SEE = 60
JOBS = (
    "session-api",
    "execution-api",
    "execution-relay",
    "runner",
    "result-collector",
    "rabbitmq",
    "prometheus",
)
# Prometheus writes it while an alert is pending or fires.
ONLY_IN_TROUBLE = {"ALERTS"}


@pytest.fixture(scope="module")
def prometheus() -> Iterator[Prometheus]:
    compose("up", "-d", "--no-deps", "prometheus")
    started = Prometheus(required("RUNLET_TEST_PROMETHEUS_URL"))
    eventually(started.is_ready)
    yield started
    compose("rm", "-s", "-f", "prometheus")


def test_every_target_is_found_and_up(prometheus: Prometheus) -> None:
    expected = {job: ["up"] for job in JOBS}
    eventually(lambda: prometheus.targets() == expected, SECONDS_TO_SEE)


def test_every_metric_of_rules_and_dashboard_exists(
    prometheus: Prometheus, gateway: Platform
) -> None:
    asked = {name for expression in promql.expressions() for name in promql.metrics_in(expression)}

    def missing() -> set[str]:
        # What is new between two scrapes has a rate.
        assert gateway.run("print('seen')")["stdout"] == "seen\n"
        return asked - prometheus.metric_names() - ONLY_IN_TROUBLE

    eventually(lambda: not missing(), SECONDS_TO_SEE)


def test_every_rule_and_every_panel_can_be_evaluated(prometheus: Prometheus) -> None:
    groups = prometheus.ask("rules")["groups"]
    assert {rule["name"] for group in groups for rule in group["rules"]} == {
        rule.name for rule in promql.rules()
    }
    assert [rule for group in groups for rule in group["rules"] if rule.get("lastError")] == []
    for panel in dashboard.panels(promql.ROOT / dashboard.DASHBOARD):
        for query in panel.queries:
            prometheus.ask("query", query=query.expression)


def test_prometheus_shows_the_figures_on_a_page_of_its_own(prometheus: Prometheus) -> None:
    page = prometheus.page("consoles/runlet.html")
    assert "Are learners served?" in page
    assert "<td>runner</td><td>1</td>" in page


@pytest.mark.timeout(300)
def test_another_runner_is_found_by_itself(prometheus: Prometheus) -> None:
    with runners_with() as scale:
        scale(2)
        eventually(lambda: prometheus.targets()["runner"] == ["up", "up"], SECONDS_TO_SEE)
