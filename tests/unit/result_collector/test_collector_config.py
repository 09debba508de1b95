import pytest

from result_collector.config import Config
from runlet.config import ConfigError, load

NEEDED = {"DATABASE_URL": "postgresql://db/executions", "AMQP_URL": "amqp://broker/"}


def test_defaults() -> None:
    config = load(Config, NEEDED)
    assert config.retention_days == 30
    assert (config.reconcile_after_seconds, config.reconcile_every_seconds) == (60, 15)


@pytest.mark.parametrize(
    ("setting", "lowest", "highest"),
    [
        ("RETENTION_DAYS", 1, 36_500),
        ("RECONCILE_AFTER_SECONDS", 5, 86_400),
        ("RECONCILE_EVERY_SECONDS", 1, 3600),
    ],
)
def test_settings_have_a_range(setting: str, lowest: int, highest: int) -> None:
    for value in (lowest, highest):
        assert getattr(load(Config, {**NEEDED, setting: str(value)}), setting.lower()) == value
    for refused in (str(lowest - 1), str(highest + 1), "soon"):
        with pytest.raises(ConfigError, match=setting):
            load(Config, {**NEEDED, setting: refused})
