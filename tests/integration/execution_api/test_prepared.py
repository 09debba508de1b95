"""Statements that are prepared once for each connection."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
import sqlalchemy
from sqlalchemy import Engine, Integer, Uuid, bindparam, column, literal, select, text
from sqlalchemy.exc import DataError

from runlet_postgres.prepared_statements import Prepared

ECHO = Prepared(
    "echo",
    select(
        bindparam("number", type_=Integer).label("number"),
        bindparam("id", type_=Uuid).label("id"),
        literal("50 % of it").label("text"),
    ),
)
HALVE = Prepared(
    "halve",
    text("SELECT 100 / :by AS half")
    .bindparams(bindparam("by", type_=Integer))
    .columns(column("half", Integer)),
)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A database, over one connection."""
    engine = sqlalchemy.create_engine(
        database_url, pool_size=1, max_overflow=0, isolation_level="AUTOCOMMIT"
    )
    yield engine
    engine.dispose()


def prepared(engine: Engine) -> list[str]:
    """What the connection has prepared."""
    with engine.connect() as connection:
        return list(connection.execute(text("SELECT name FROM pg_prepared_statements")).scalars())


def test_values_come_back_with_their_types(engine: Engine) -> None:
    some_id = uuid4()
    with engine.connect() as connection:
        row = ECHO.execute(connection, {"number": 7, "id": some_id}).mappings().one()
    assert dict(row) == {"number": 7, "id": some_id, "text": "50 % of it"}


def test_a_statement_is_prepared_once_however_often_it_is_executed(engine: Engine) -> None:
    for number in range(3):
        with engine.connect() as connection:
            ECHO.execute(connection, {"number": number, "id": uuid4()})
    assert prepared(engine) == ["runlet_echo"]


def test_a_new_connection_is_told_again(engine: Engine) -> None:
    with engine.connect() as connection:
        assert HALVE.execute(connection, {"by": 2}).scalar_one() == 50
        connection.invalidate()
    with engine.connect() as connection:
        assert HALVE.execute(connection, {"by": 4}).scalar_one() == 25


def test_errors_are_those_of_any_statement(engine: Engine) -> None:
    with engine.connect() as connection, pytest.raises(DataError):
        HALVE.execute(connection, {"by": 0})
    with engine.connect() as connection:
        assert HALVE.execute(connection, {"by": 100}).scalar_one() == 1
