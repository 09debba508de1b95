"""A session API on a database of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import NullPool, text

from session_api import bootstrap
from session_api.config import Config

ALEMBIC_INI = Path(bootstrap.__file__).with_name("alembic.ini")
MAX_SOURCE_BYTES = 4096

Begin = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def database_url(make_database: Callable[[Path], str]) -> str:
    """A database with the session API's tables."""
    return make_database(ALEMBIC_INI)


@pytest.fixture(scope="module")
def app(database_url: str) -> Flask:
    """The application as the service runs it, with a small limit on programs."""
    return bootstrap.create_api(
        Config(database_url=database_url, max_source_bytes=MAX_SOURCE_BYTES)
    ).app


@pytest.fixture
def client(app: Flask, database_url: str) -> Iterator[FlaskClient]:
    """A caller of an API that has no sessions yet."""
    yield app.test_client()
    engine = sqlalchemy.create_engine(database_url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE code_sessions"))


@pytest.fixture
def begin(client: FlaskClient) -> Begin:
    """Begins a Python session, with the given fields, and gives what the API answered."""

    def create(**fields: Any) -> dict[str, Any]:
        response = client.post("/code-sessions", json={"language": "python", **fields})
        assert response.status_code == 201, response.text
        session: dict[str, Any] = response.get_json()
        return session

    return create
