"""The migrations make the tables that the code expects."""

from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config as AlembicConfig

from execution_api import bootstrap
from support.databases import databases

ALEMBIC_INI = Path(bootstrap.__file__).with_name("alembic.ini")


def test_the_migrated_tables_are_those_of_the_models(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    command.check(AlembicConfig(ALEMBIC_INI))


def test_migrating_again_changes_nothing(database_url: str) -> None:
    databases.migrate(ALEMBIC_INI, database_url)
