"""The services, ports and settings that operators see."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from execution_api.bootstrap import RELAY_STOP_SECONDS
from execution_api.config import ApiConfig as ExecutionApiConfig
from execution_api.config import RelayConfig
from result_collector.collector import STOP_SECONDS
from result_collector.config import Config as CollectorConfig
from runlet.languages import LANGUAGES
from runlet_amqp.prepare_broker import Config as PrepareConfig
from runlet_telemetry.otel import FLUSH_SECONDS
from runner.config import Config as RunnerConfig
from session_api.config import Config as SessionApiConfig

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

ROOT = Path(__file__).parents[2]

# What the web server reads, not the service.
GUNICORN = {"PORT", "WEB_WORKERS", "WEB_THREADS", "PROMETHEUS_MULTIPROC_DIR"}
# What the SDK of the container engine reads.
ENGINE = {"DOCKER_HOST"}
# What the SDK of OpenTelemetry reads.
OPENTELEMETRY = {"OTEL_RESOURCE_ATTRIBUTES", "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    found: dict[str, Any] = compose["services"]
    return found


@pytest.mark.parametrize(
    ("service", "port"),
    [
        ("gateway", "${BIND_ADDRESS:-127.0.0.1}:${GATEWAY_PORT:-8080}:8080"),
        ("session-api", "${BIND_ADDRESS:-127.0.0.1}:${SESSION_API_PORT:-8001}:8001"),
        ("execution-api", "${BIND_ADDRESS:-127.0.0.1}:${EXECUTION_API_PORT:-8002}:8002"),
    ],
)
def test_http_listens_on_loopback_and_can_be_moved(
    services: dict[str, Any], service: str, port: str
) -> None:
    assert services[service]["ports"] == [port]


@pytest.mark.parametrize("service", ["runner", "result-collector", "rabbitmq", "postgres"])
def test_everything_else_is_reachable_from_inside_only(
    services: dict[str, Any], service: str
) -> None:
    assert "ports" not in services[service]


def test_the_runner_has_no_database_and_no_way_to_it(services: dict[str, Any]) -> None:
    runner = services["runner"]

    assert not [name for name in runner["environment"] if "DATABASE" in name or "DB_" in name]
    assert not set(runner["networks"]) & set(services["postgres"]["networks"])


def test_no_service_is_privileged_and_ours_hold_no_capability(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert not service.get("privileged"), name
        assert service.get("cap_drop") == ["ALL"], name


@pytest.mark.parametrize(
    ("service", "config"),
    [
        ("session-api", SessionApiConfig),
        ("execution-api", ExecutionApiConfig),
        ("execution-relay", RelayConfig),
        ("runner", RunnerConfig),
        ("result-collector", CollectorConfig),
        ("broker-prepare", PrepareConfig),
    ],
)
def test_every_setting_that_is_passed_is_one_that_the_service_knows(
    services: dict[str, Any], service: str, config: "type[DataclassInstance]"
) -> None:
    passed = set(services[service]["environment"]) - GUNICORN - ENGINE - OPENTELEMETRY
    assert passed <= read_by(config)


def read_by(config: "type[DataclassInstance]") -> set[str]:
    """The settings, the passwords of its addresses, and the files that secrets may stand in."""
    names = {field.name.upper() for field in dataclasses.fields(config)}
    names |= {name.replace("_URL", "_PASSWORD") for name in names}
    return names | {f"{name}_FILE" for name in names}


@pytest.mark.parametrize(
    ("service", "seconds"),
    [("execution-relay", RELAY_STOP_SECONDS), ("result-collector", STOP_SECONDS)],
)
def test_a_service_has_stopped_before_it_is_killed(
    services: dict[str, Any], service: str, seconds: float
) -> None:
    grace = int(services[service]["stop_grace_period"].rstrip("s"))
    assert seconds + FLUSH_SECONDS < grace


def test_no_server_logs_the_programs_in_its_statements(services: dict[str, Any]) -> None:
    command = services["postgres"]["command"]
    assert {"-clog_min_error_statement=panic", "-clog_error_verbosity=terse"} <= set(command)


@pytest.mark.parametrize(
    ("service", "settings"),
    [
        (
            "session-api",
            {
                "LANGUAGES",
                "MAX_SOURCE_BYTES",
                "SESSION_RETENTION_DAYS",
                "API_TOKENS",
                "API_TOKENS_FILE",
                "SERVICE_TOKEN",
                "METRICS_TOKEN",
            },
        ),
        (
            "execution-api",
            {
                "LANGUAGES",
                "MAX_SOURCE_BYTES",
                "DEFAULT_TIME_LIMIT_MS",
                "DEFAULT_MEMORY_MB",
                "OUTPUT_LIMIT_BYTES",
                "MAX_QUEUE_DEPTH",
                "RATE_LIMIT_RUNS_PER_MINUTE",
                "RATE_LIMIT_USER_RUNS_PER_MINUTE",
                "MAX_CONSECUTIVE_FAILURES",
                "FAILURE_COOLDOWN_SECONDS",
                "CALLBACK_ALLOWED_HOSTS",
                "API_TOKENS",
                "API_TOKENS_FILE",
                "SERVICE_TOKEN",
                "METRICS_TOKEN",
            },
        ),
        ("result-collector", {"CALLBACK_ALLOWED_HOSTS", "CALLBACK_SECRET"}),
        (
            "runner",
            {
                "RUNNER_CONCURRENCY",
                "RUNNER_LANGUAGES",
                "SANDBOX_RUNS_PER_CONTAINER",
                "SANDBOX_RUNTIME",
                "SANDBOX_FORK_SERVERS",
            },
        ),
    ],
)
def test_settings_reach_the_services_that_use_them(
    services: dict[str, Any], service: str, settings: set[str]
) -> None:
    assert settings <= set(services[service]["environment"])


def test_a_language_is_a_declaration_and_a_folder_and_nothing_else() -> None:
    folders = {path.parent.name for path in (ROOT / "deploy/runtimes").glob("*/Dockerfile")}

    assert folders == set(LANGUAGES)
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    assert not [name for name in ("javascript", "cpp", "ruby") if name in compose]
