"""A database with the execution API's tables, for the collector to write into."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import execution_api
from support.databases.executions import ExecutionsDatabase

ALEMBIC_INI = Path(execution_api.__file__).with_name("alembic.ini")


@pytest.fixture(scope="module")
def database_url(make_database: Callable[[Path], str]) -> str:
    """The database's address."""
    return make_database(ALEMBIC_INI)


@pytest.fixture
def database(database_url: str) -> Iterator[ExecutionsDatabase]:
    """The tables, empty at first."""
    tables = ExecutionsDatabase(database_url)
    yield tables
    tables.close()
