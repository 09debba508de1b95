import pytest

from execution_api.config import ApiConfig, RelayConfig
from runlet.config import ConfigError, load

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
    assert set(config.offered_languages()) >= {"python", "javascript"}


def test_the_relay_needs_no_session_api() -> None:
    environ = {name: value for name, value in NEEDED.items() if name != "SESSION_API_URL"}
    load(RelayConfig, environ)
    with pytest.raises(ConfigError, match="SESSION_API_URL"):
        load(ApiConfig, environ)


def test_secrets_are_not_shown() -> None:
    assert "hunter2" not in repr(load(ApiConfig, NEEDED))


@pytest.mark.parametrize("name", ["MAX_QUEUE_DEPTH", "DATABASE_POOL_SIZE"])
def test_a_setting_out_of_range_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        load(ApiConfig, {**NEEDED, name: "0"})


def test_an_unknown_language_is_named() -> None:
    config = load(RelayConfig, {**NEEDED, "LANGUAGES": "python, cobol"})
    with pytest.raises(ConfigError, match=r"LANGUAGES.*cobol"):
        config.offered_languages()
