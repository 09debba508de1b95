"""The migrations make the tables that the code expects, in both services that use them."""

from pathlib import Path

import pytest
import sqlalchemy
from alembic import command
from alembic.config import Config as AlembicConfig
from sqlalchemy import inspect

from execution_api import bootstrap
from result_collector import tables
from support.databases import databases

ALEMBIC_INI = Path(bootstrap.__file__).with_name("alembic.ini")


def test_the_migrated_tables_are_those_of_the_models(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    command.check(AlembicConfig(ALEMBIC_INI))


def test_migrating_again_changes_nothing(database_url: str) -> None:
    databases.migrate(ALEMBIC_INI, database_url)


@pytest.mark.parametrize(
    "table",
    [
        tables.executions,
        tables.execution_events,
        tables.dead_letters,
        tables.callbacks,
        tables.callback_attempts,
    ],
    ids=str,
)
def test_the_collector_writes_columns_that_are_there(
    database_url: str, table: sqlalchemy.Table
) -> None:
    columns = inspect(sqlalchemy.create_engine(database_url)).get_columns(table.name)
    there = {column["name"]: column["type"].python_type for column in columns}
    for column in table.columns:
        assert there[column.name] is column.type.python_type
