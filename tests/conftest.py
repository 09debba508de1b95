"""Fixtures for the tests of every package."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.databases import databases

MakeDatabase = Callable[[Path], str]


@pytest.fixture(scope="module")
def make_database() -> Iterator[MakeDatabase]:
    """Call it with an alembic.ini for the URL of a migrated database, dropped after the module."""
    server_url = os.environ.get(databases.URL_VARIABLE)
    if not server_url:
        pytest.fail(databases.MISSING_URL)
    with ExitStack() as made:
        yield lambda ini: made.enter_context(databases.migrated_database(server_url, ini))
