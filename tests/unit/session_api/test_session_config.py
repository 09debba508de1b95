"""The session API's settings."""

import pytest

from runlet.config import ConfigError, load
from session_api import bootstrap
from session_api.config import Config

URL = "postgresql+psycopg2://session_api:hidden@localhost/sessions"


def test_only_the_database_must_be_named() -> None:
    config = load(Config, {"DATABASE_URL": URL})
    assert (config.languages, config.max_source_bytes) == ("", 262_144)


def test_a_missing_database_is_named() -> None:
    with pytest.raises(ConfigError, match="DATABASE_URL is missing"):
        load(Config, {})


def test_the_password_is_not_shown() -> None:
    assert "hidden" not in repr(load(Config, {"DATABASE_URL": URL}))


@pytest.mark.parametrize("level", ["INFO", "debug", "Warning"])
def test_log_levels_are_taken_in_any_case(level: str) -> None:
    assert load(Config, {"DATABASE_URL": URL, "LOG_LEVEL": level}).log_level == level


def test_an_unknown_log_level_is_refused() -> None:
    with pytest.raises(ConfigError, match="LOG_LEVEL"):
        load(Config, {"DATABASE_URL": URL, "LOG_LEVEL": "loud"})


@pytest.mark.parametrize("days", ["-1", "36501", "soon"])
def test_a_retention_out_of_range_is_refused(days: str) -> None:
    with pytest.raises(ConfigError, match="SESSION_RETENTION_DAYS"):
        load(Config, {"DATABASE_URL": URL, "SESSION_RETENTION_DAYS": days})


def test_without_retention_nothing_is_removed() -> None:
    kept_for_ever = load(Config, {"DATABASE_URL": URL, "SESSION_RETENTION_DAYS": "0"})

    assert bootstrap.create_api(kept_for_ever).loops == ()
    assert bootstrap.create_api(load(Config, {"DATABASE_URL": URL})).loops


def test_an_unknown_language_stops_the_start() -> None:
    with pytest.raises(ValueError, match="cobol is not a language"):
        bootstrap.create_api(Config(database_url=URL, languages="python, cobol"))


def test_building_the_application_connects_nowhere() -> None:
    nowhere = "postgresql+psycopg2://nobody@127.0.0.1:1/nothing"
    app = bootstrap.create_api(Config(database_url=nowhere)).app
    assert app.test_client().get("/health").get_json() == {"status": "ok"}
