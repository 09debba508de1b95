"""Rules, dashboard, scrape configuration and runbook speak of what there is."""

import re
from pathlib import Path

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from monitoring import console, dashboard
from runlet_telemetry.metrics import SERVED
from support.telemetry import promql
from support.telemetry.promql import Rule

ROOT = Path(__file__).parents[2]
RULE_TESTS = ROOT / "tests/integration/monitoring/rules"

# What Prometheus knows of every target, and a histogram of every bucket.
ALWAYS = {"job", "instance", "le"}
# Not ours; that they exist is seen in tests/e2e/test_monitoring.py.
OTHERS = re.compile(r"up|ALERTS|rabbitmq_\w+|prometheus_\w+")

ALERTS = [rule for rule in promql.rules() if rule.is_alert]
RECORDED = {rule.name for rule in promql.rules() if not rule.is_alert}
NO_ROWS = [panel for panel in dashboard.panels(ROOT / dashboard.DASHBOARD) if panel.kind != "row"]


def exposed(metric: MetricWrapperBase) -> set[str]:
    """The names of the series of one metric."""
    (family,) = metric.describe()
    endings = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"], "gauge": [""]}
    return {family.name + ending for ending in endings[family.type]}


LABELS = {
    name: set(metric._labelnames)
    for metrics in SERVED.values()
    for metric in metrics
    for name in exposed(metric)
}


def name_of(rule: Rule) -> str:
    return rule.name


def test_every_metric_that_is_asked_for_is_defined() -> None:
    for expression in set(promql.expressions()):
        asked = promql.metrics_in(expression)
        unknown = {name for name in asked - set(LABELS) - RECORDED if not OTHERS.fullmatch(name)}
        assert asked, expression
        assert not unknown, expression


def test_every_label_that_is_asked_for_is_one_of_its_metric() -> None:
    for expression in set(promql.expressions()):
        for metric, label in promql.labels_in(expression):
            assert metric not in LABELS or label in LABELS[metric] | ALWAYS, expression
        ours = [LABELS[name] for name in promql.metrics_in(expression) if name in LABELS]
        allowed = set.union(*ours) | ALWAYS if ours else promql.grouped_by(expression)
        assert promql.grouped_by(expression) <= allowed, expression


def test_every_metric_of_the_path_of_a_run_is_looked_at_somewhere() -> None:
    asked = {name for expression in promql.expressions() for name in promql.metrics_in(expression)}
    unseen = {
        metric.describe()[0].name  # type: ignore[index]
        for metrics in SERVED.values()
        for metric in metrics
        if not exposed(metric) & asked
    }
    # These explain what is seen elsewhere, and are asked for by hand.
    assert unseen <= {
        "runlet_container_scrubs",
        "runlet_container_retirements",
        "runlet_events_stored",
        "runlet_loop_silence_seconds",
        "runlet_outbox_messages",
        "runlet_outbox_relayed",
        "runlet_retention_removed",
    }


@pytest.mark.parametrize("rule", ALERTS, ids=name_of)
def test_an_alert_says_what_how_bad_and_where_help_is(rule: Rule) -> None:
    assert rule.labels["severity"] in {"critical", "warning"}
    assert rule.annotations["summary"].endswith(".")
    assert rule.annotations["description"].endswith(".")
    assert rule.annotations["runbook_url"] == f"docs/runbook.md#{rule.name.lower()}"


@pytest.mark.parametrize("rule", ALERTS, ids=name_of)
def test_an_alert_fires_in_a_test_of_its_rule(rule: Rule) -> None:
    looks = [
        look
        for path in RULE_TESTS.glob("*.yml")
        for test in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]
        for look in test.get("promql_expr_test", []) + test.get("alert_rule_test", [])
        if f'alertname="{rule.name}"' in look.get("expr", "")
    ]
    assert any(look["exp_samples"] for look in looks)


def runbook_sections() -> dict[str, str]:
    text = (ROOT / "docs/runbook.md").read_text(encoding="utf-8")
    parts = re.split(r"^#+ (.+)$", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


@pytest.mark.parametrize("rule", ALERTS, ids=name_of)
def test_the_runbook_has_a_section_for_every_alert(rule: Rule) -> None:
    section = runbook_sections()[rule.name]
    assert "**For learners:**" in section
    assert re.search(r"\*\*See( and do)?:\*\*", section)
    assert re.search(r"\*\*(Do|See and do):\*\*", section)


def test_the_runbook_has_no_section_for_an_alert_that_is_gone() -> None:
    told = {title for title in runbook_sections() if re.fullmatch(r"([A-Z][a-z]+){2,}", title)}
    assert told == {rule.name for rule in ALERTS}


def test_every_service_that_serves_metrics_is_scraped_in_all_its_replicas() -> None:
    text = (ROOT / "deploy/prometheus/prometheus.yml").read_text(encoding="utf-8")
    jobs = {job["job_name"]: job for job in yaml.safe_load(text)["scrape_configs"]}
    ports = {"session-api": 8001, "execution-api": 8002, "rabbitmq": 15692}
    for service in [*SERVED, "rabbitmq"]:
        (found,) = jobs[service]["dns_sd_configs"]
        assert found["names"] == [service]
        assert found["port"] == ports.get(service, 9100)
    # Our APIs may ask for a token.
    assert {job for job in jobs if "authorization" in jobs[job]} == {"session-api", "execution-api"}


def test_the_dashboard_asks_its_four_questions_from_top_to_bottom() -> None:
    rows = [p.title for p in dashboard.panels(ROOT / dashboard.DASHBOARD) if p.kind == "row"]
    assert rows == [
        "Are learners served?",
        "How long do they wait?",
        "What is full?",
        "What is broken?",
    ]


@pytest.mark.parametrize("panel", NO_ROWS, ids=lambda panel: panel.title)
def test_a_panel_explains_itself_and_asks_something(panel: dashboard.Panel) -> None:
    assert panel.description.endswith(".")
    assert panel.queries
    assert panel.place.x + panel.place.width <= 24


def test_panels_do_not_cover_each_other() -> None:
    cells = [
        (x, y)
        for panel in dashboard.panels(ROOT / dashboard.DASHBOARD)
        for x in range(panel.place.x, panel.place.x + panel.place.width)
        for y in range(panel.place.y, panel.place.y + panel.place.height)
    ]
    assert len(cells) == len(set(cells))


def test_prometheus_own_page_asks_what_the_dashboard_asks() -> None:
    assert (ROOT / console.CONSOLE).read_text(encoding="utf-8") == console.page(), (
        "Run: .venv/bin/python -m monitoring.console"
    )


def test_grafana_and_prometheus_start_only_when_they_are_asked_for() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    asked_for = {name for name, service in compose["services"].items() if "profiles" in service}
    assert asked_for == {"prometheus", "grafana"}
    for name in asked_for:
        assert "monitoring" in compose["services"][name]["profiles"]


def test_prometheus_listens_on_loopback_whatever_the_others_do() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    assert compose["services"]["prometheus"]["ports"] == ["127.0.0.1:${PROMETHEUS_PORT:-9090}:9090"]
