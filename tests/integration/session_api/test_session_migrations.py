"""The migrations make the tables that the code expects."""

from pathlib import Path

import pytest
import sqlalchemy
from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.util import CommandError

from session_api import bootstrap
from support.databases import databases

ALEMBIC_INI = Path(bootstrap.__file__).with_name("alembic.ini")


def test_the_migrated_tables_are_those_of_the_models(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    command.check(AlembicConfig(ALEMBIC_INI))


def test_migrating_again_changes_nothing(database_url: str) -> None:
    databases.migrate(ALEMBIC_INI, database_url)
    tables = sqlalchemy.inspect(sqlalchemy.create_engine(database_url)).get_table_names()
    assert sorted(tables) == ["alembic_version", "code_sessions"]


def test_without_a_database_it_is_said_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with pytest.raises(CommandError, match="DATABASE_URL is not set"):
        command.upgrade(AlembicConfig(ALEMBIC_INI), "head")
