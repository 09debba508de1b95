"""Fixtures for tests against real servers."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import execution_api
from support.broker.vhosts import amqp_url
from support.databases.executions import ExecutionsDatabase
from support.http.session_api_stub import SessionApiStub

__all__ = ["amqp_url"]


@pytest.fixture(scope="module")
def database_url(make_database: Callable[[Path], str]) -> str:
    """A database with the execution API's tables."""
    return make_database(Path(execution_api.__file__).with_name("alembic.ini"))


@pytest.fixture
def database(database_url: str) -> Iterator[ExecutionsDatabase]:
    """The tables, empty at first."""
    tables = ExecutionsDatabase(database_url)
    yield tables
    tables.close()


@pytest.fixture
def sessions() -> Iterator[SessionApiStub]:
    """The session API's stand-in."""
    stub = SessionApiStub()
    yield stub
    stub.close()
