"""What the services have in common here: a collector of spans, and databases."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import session_api
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
