"""PostgreSQL databases for tests, with the schema that the real migrations make."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock
from uuid import uuid4

import sqlalchemy
from alembic import command
from alembic.config import Config
from sqlalchemy import NullPool, make_url, text

URL_VARIABLE = "RUNLET_TEST_POSTGRES_URL"
MISSING_URL = (
    f"{URL_VARIABLE} is not set, so there is no PostgreSQL to test with. "
    "Run `make test`, which starts one."
)


def create_database(server_url: str) -> str:
    """Create an empty database with a name of its own; gives its URL."""
    name = f"test_{uuid4().hex}"
    _execute(server_url, f'CREATE DATABASE "{name}"')
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


def drop_database(server_url: str, url: str) -> None:
    """Drop what `create_database` made, also under the feet of those still connected."""
    _execute(server_url, f'DROP DATABASE IF EXISTS "{make_url(url).database}" WITH (FORCE)')


def migrate(migrations_ini: Path, url: str, revision: str = "head") -> None:
    """Bring the database up to a revision with the migrations of `migrations_ini`."""
    with mock.patch.dict(os.environ, DATABASE_URL=url):
        command.upgrade(Config(migrations_ini), revision)


@contextmanager
def migrated_database(server_url: str, migrations_ini: Path) -> Iterator[str]:
    """The URL of a migrated database that is dropped in the end."""
    url = create_database(server_url)
    try:
        migrate(migrations_ini, url)
        yield url
    finally:
        drop_database(server_url, url)


def _execute(server_url: str, statement: str) -> None:
    # Databases are created and dropped outside of any transaction.
    engine = sqlalchemy.create_engine(server_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
