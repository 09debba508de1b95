from pathlib import Path

import pytest

from execution_api.config import ApiConfig, RelayConfig
from runlet.config import ConfigError, load
from runlet_amqp.policies import as_file, create_policies

NEEDED = {
    "DATABASE_URL": "postgresql+psycopg2://u:hunter2@db/x",
    "AMQP_URL": "amqp://u:hunter2@mq/x",
    "SESSION_API_URL": "http://session-api:8001",
}


def test_defaults_are_those_of_the_contract() -> None:
    config = load(ApiConfig, NEEDED)
    assert config.max_queue_depth == 10_000
    assert config.max_source_bytes == 262_144
    assert (config.default_time_limit_ms, config.default_memory_mb) == (5000, 256)
    assert (config.rate_limit_runs_per_minute, config.rate_limit_user_runs_per_minute) == (10, 30)
    assert (config.max_consecutive_failures, config.failure_cooldown_seconds) == (5, 60)
    assert not config.needs_token()
    assert set(config.offered_languages()) >= {"python", "javascript"}


def test_the_relay_needs_no_session_api() -> None:
    environ = {name: value for name, value in NEEDED.items() if name != "SESSION_API_URL"}
    load(RelayConfig, environ)
    with pytest.raises(ConfigError, match="SESSION_API_URL"):
        load(ApiConfig, environ)


def test_secrets_are_not_shown() -> None:
    tokens = {"API_TOKENS": "hunter2hunter2hunter2", "SERVICE_TOKEN": "hunter2hunter2hunter2"}
    assert "hunter2" not in repr(load(ApiConfig, {**NEEDED, **tokens}))


@pytest.mark.parametrize("value", ["-1", "1001", "ten"])
@pytest.mark.parametrize("name", ["RATE_LIMIT_RUNS_PER_MINUTE", "RATE_LIMIT_USER_RUNS_PER_MINUTE"])
def test_a_rate_limit_that_is_no_number_of_runs_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name):
        load(ApiConfig, {**NEEDED, name: value})


@pytest.mark.parametrize("name", ["MAX_QUEUE_DEPTH", "DATABASE_POOL_SIZE"])
def test_a_setting_out_of_range_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        load(ApiConfig, {**NEEDED, name: "0"})


def test_an_unknown_language_is_named() -> None:
    config = load(RelayConfig, {**NEEDED, "LANGUAGES": "python, cobol"})
    with pytest.raises(ConfigError, match=r"LANGUAGES.*cobol"):
        config.offered_languages()


def test_the_relay_keeps_the_policies_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "policies.json"
    first, *_others = create_policies()
    file.write_text(as_file([first]))
    assert load(RelayConfig, {**NEEDED, "BROKER_POLICIES_FILE": str(file)}).policies() == (first,)
    assert load(RelayConfig, NEEDED).policies() == create_policies()


@pytest.mark.parametrize("value", ["{", "{}", "[]", '{"policies": [{}]}'])
def test_what_are_no_policies_is_named(value: str) -> None:
    with pytest.raises(ConfigError, match="BROKER_POLICIES"):
        load(RelayConfig, {**NEEDED, "BROKER_POLICIES": value}).policies()
