"""An execution API with a database and a virtual host of its own, and a stand-in session API."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from execution_api import bootstrap
from execution_api.bootstrap import Api
from execution_api.config import ApiConfig
from runlet.messages import RunRequested
from support.databases.executions import ExecutionsDatabase
from support.http.session_api_stub import SessionApiStub
from support.wait_until import eventually

StartApi = Callable[..., Api]


@pytest.fixture
def start_api(
    database: ExecutionsDatabase, amqp_url: str, sessions: SessionApiStub
) -> Iterator[StartApi]:
    """Starts an API with the given settings; it is stopped after the test."""
    with ExitStack() as started:

        def start(**settings: object) -> Api:
            defaults = {
                "database_url": database.url,
                "amqp_url": amqp_url,
                "session_api_url": sessions.url,
            }
            api = bootstrap.create_api(ApiConfig(**{**defaults, **settings}))  # type: ignore[arg-type]
            api.start()
            started.callback(api.close)
            return api

        yield start


@pytest.fixture
def client(start_api: StartApi) -> FlaskClient:
    """A caller of an API with default settings that is connected to everything."""
    client = start_api().app.test_client()
    eventually(lambda: client.get("/ready").status_code == 200)
    return client


@pytest.fixture
def failed(database: ExecutionsDatabase) -> RunRequested:
    """An execution that the platform failed in its fourth attempt."""
    return database.add_failed(attempts=4)


@pytest.fixture
def letter_id(database: ExecutionsDatabase, failed: RunRequested) -> UUID:
    """The dead letter of that execution."""
    return database.add_dead_letter(failed.execution_id, attempts=4)
