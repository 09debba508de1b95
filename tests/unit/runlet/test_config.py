from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import pytest
from msgspec import Meta

from runlet import config


@dataclass(frozen=True)
class Settings:
    database_url: str = field(repr=False)
    threads: Annotated[int, Meta(ge=1, le=9)] = 4


def test_fields_come_from_variables_of_the_same_name() -> None:
    assert config.load(Settings, {"DATABASE_URL": "x", "THREADS": "7"}) == Settings("x", 7)


def test_an_empty_variable_counts_as_unset() -> None:
    assert config.load(Settings, {"DATABASE_URL": "x", "THREADS": ""}).threads == 4


def test_a_missing_setting_is_named() -> None:
    with pytest.raises(config.ConfigError, match="DATABASE_URL is missing"):
        config.load(Settings, {})


@pytest.mark.parametrize("value", ["0", "10", "four", "1.5"])
def test_a_value_that_cannot_be_used_is_named(value: str) -> None:
    with pytest.raises(config.ConfigError, match="THREADS is not usable"):
        config.load(Settings, {"DATABASE_URL": "x", "THREADS": value})


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("from-file\n", encoding="utf-8")

    assert config.load(Settings, {"DATABASE_URL_FILE": str(secret)}).database_url == "from-file"


def test_a_secret_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(config.ConfigError, match="DATABASE_URL_FILE"):
        config.load(Settings, {"DATABASE_URL_FILE": str(tmp_path / "none")})


def test_an_address_gets_the_password_that_stands_apart_from_it(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("p@ss/w:rd\n", encoding="utf-8")
    settings = {"DATABASE_URL": "postgresql://me@db/x", "DATABASE_PASSWORD_FILE": str(secret)}

    from_file = config.load(Settings, settings)
    chosen = config.load(Settings, {**settings, "DATABASE_PASSWORD": "own"})

    assert from_file.database_url == "postgresql://me:p%40ss%2Fw%3Ard@db/x"
    assert chosen.database_url == "postgresql://me:own@db/x"


@pytest.mark.parametrize(
    ("address", "whole"),
    [
        ("amqp://me@a:1/v, amqp://me@b:2/v", "amqp://me:own@a:1/v, amqp://me:own@b:2/v"),
        ("amqp://me:mine@a/v", "amqp://me:mine@a/v"),
        ("amqp://a/v", "amqp://a/v"),
        ("http://a/v?to=b@c", "http://a/v?to=b@c"),
    ],
)
def test_only_a_user_without_a_password_gets_one(address: str, whole: str) -> None:
    settings = {"DATABASE_URL": address, "DATABASE_PASSWORD": "own"}
    assert config.load(Settings, settings).database_url == whole


def test_a_password_file_is_read_only_where_an_address_needs_it(tmp_path: Path) -> None:
    none = {"DATABASE_PASSWORD_FILE": str(tmp_path / "none")}

    assert config.load(Settings, {**none, "DATABASE_URL": "amqp://me:mine@a"}).threads == 4
    with pytest.raises(config.ConfigError, match="DATABASE_PASSWORD_FILE"):
        config.load(Settings, {**none, "DATABASE_URL": "amqp://me@a"})


def test_lists_are_separated_by_commas() -> None:
    assert config.comma_separated(" python, ,c ") == ("python", "c")


@dataclass(frozen=True)
class WatchesAFile:
    tokens: str = ""
    tokens_file: str = ""


def test_a_file_that_the_configuration_asks_for_itself_is_left_to_it(tmp_path: Path) -> None:
    loaded = config.load(WatchesAFile, {"TOKENS_FILE": str(tmp_path / "not there yet")})
    assert loaded == WatchesAFile(tokens_file=str(tmp_path / "not there yet"))
