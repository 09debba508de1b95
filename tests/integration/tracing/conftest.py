"""What the services have in common here: a collector of spans, and databases."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import execution_api
import session_api
from support.databases.executions import ExecutionsDatabase
from support.telemetry.otlp import SpanCollector, collecting_spans

MakeDatabase = Callable[[Path], str]


@pytest.fixture
def spans() -> Iterator[SpanCollector]:
    """Where spans go."""
    with collecting_spans() as collector:
        yield collector


@pytest.fixture(scope="module")
def sessions_url(make_database: MakeDatabase) -> str:
    """A database with the session API's tables."""
    return make_database(Path(session_api.__file__).with_name("alembic.ini"))


@pytest.fixture(scope="module")
def executions_url(make_database: MakeDatabase) -> str:
    """A database with the execution API's tables."""
    return make_database(Path(execution_api.__file__).with_name("alembic.ini"))


@pytest.fixture
def database(executions_url: str) -> Iterator[ExecutionsDatabase]:
    """The tables of executions, empty at first."""
    tables = ExecutionsDatabase(executions_url)
    yield tables
    tables.close()
