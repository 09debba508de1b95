import pytest

from runlet import config
from runner.config import Config


def test_secrets_do_not_show() -> None:
    settings = config.load(Config, {"AMQP_URL": "amqp://user:secret@host/"})

    assert "secret" not in repr(settings)


def test_a_runner_serves_all_offered_languages_unless_told_otherwise() -> None:
    everything = config.load(Config, {"AMQP_URL": "amqp://mq", "LANGUAGES": "python, javascript"})
    one = config.load(Config, {"AMQP_URL": "amqp://mq", "RUNNER_LANGUAGES": "python"})

    assert list(everything.served()) == ["python", "javascript"]
    assert list(one.served()) == ["python"]


def test_an_unknown_language_is_named() -> None:
    with pytest.raises(ValueError, match="cobol"):
        config.load(Config, {"AMQP_URL": "amqp://mq", "RUNNER_LANGUAGES": "cobol"}).served()


@pytest.mark.parametrize("value", ["0", "1001", "many"])
def test_runs_per_container_outside_its_range_are_refused_by_name(value: str) -> None:
    with pytest.raises(config.ConfigError, match="SANDBOX_RUNS_PER_CONTAINER"):
        config.load(Config, {"AMQP_URL": "amqp://mq", "SANDBOX_RUNS_PER_CONTAINER": value})


def test_fork_servers_are_on_unless_they_are_switched_off() -> None:
    default = config.load(Config, {"AMQP_URL": "amqp://mq", "SANDBOX_FORK_SERVERS": ""})
    off = config.load(Config, {"AMQP_URL": "amqp://mq", "SANDBOX_FORK_SERVERS": "off"})

    assert (default.sandbox_fork_servers, off.sandbox_fork_servers) == ("on", "off")
    with pytest.raises(config.ConfigError, match="SANDBOX_FORK_SERVERS"):
        config.load(Config, {"AMQP_URL": "amqp://mq", "SANDBOX_FORK_SERVERS": "maybe"})
