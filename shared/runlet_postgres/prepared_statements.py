"""Statements that PostgreSQL parses and plans once for each connection.

Planning the larger ones takes the server longer than carrying them out, and psycopg2 prepares
nothing by itself (https://www.postgresql.org/docs/current/sql-prepare.html).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    CursorResult,
    Dialect,
    bindparam,
    column,
    text,
)
from sqlalchemy.dialects.postgresql import psycopg2
from sqlalchemy.sql.expression import Insert, Select, TextualSelect

_DIALECT: Dialect = psycopg2.dialect()  # type: ignore[no-untyped-call]
_PLACEHOLDER = re.compile(r"%\((\w+)\)s")
_PREPARED = "prepared"


class Prepared:
    """A statement under a name of its own, whose parameters and columns all have types.

    It may hold no list that is written out when it is executed.
    """

    def __init__(self, name: str, statement: Select[Any] | Insert | TextualSelect) -> None:
        self._name = f"runlet_{name}"
        compiled = statement.compile(dialect=_DIALECT)
        sql, places = _numbered(compiled.string)
        binds: Mapping[str, BindParameter[Any]] = compiled.binds
        types = _listed(binds[place].type.compile(_DIALECT) for place in places)
        self._prepare = f"PREPARE {self._name} {types} AS {sql}"
        arguments = _listed(f":{place}" for place in places)
        self._execute = (
            text(f"EXECUTE {self._name} {arguments}")
            .bindparams(*(_argument(place, binds[place]) for place in places))
            .columns(*(column(each.name, each.type) for each in statement.exported_columns))
        )

    def execute(self, connection: Connection, values: Mapping[str, Any]) -> "CursorResult[Any]":
        """Execute it, and prepare it first on a connection that has not yet."""
        known: set[str] = connection.info.setdefault(_PREPARED, set())
        if self._name not in known:
            connection.exec_driver_sql(self._prepare)
            known.add(self._name)
        return connection.execute(self._execute, values)


def _listed(words: Iterable[str]) -> str:
    """In parentheses, which PostgreSQL takes around nothing for a mistake."""
    return f"({listed})" if (listed := ", ".join(words)) else ""


def _numbered(sql: str) -> tuple[str, list[str]]:
    """The statement with $1 for its first parameter and so on, and the parameters' names."""
    places: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[1] not in places:
            places.append(match[1])
        return f"${places.index(match[1]) + 1}"

    return _PLACEHOLDER.sub(number, sql).replace("%%", "%"), places


def _argument(name: str, bind: BindParameter[Any]) -> BindParameter[Any]:
    if bind.required:
        return bindparam(name, type_=bind.type)
    return bindparam(name, bind.value, type_=bind.type)
