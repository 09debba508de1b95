"""What callers see while the executions database is away, and that they see it no longer."""

from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import make_url

from execution_api.bootstrap import Api
from support.broker.tcp_proxy import TcpProxy
from support.databases.executions import ExecutionsDatabase
from support.http.session_api_stub import SessionApiStub
from support.wait_until import eventually

StartApi = Callable[..., Api]


@pytest.fixture
def proxy(database_url: str) -> Iterator[TcpProxy]:
    """The way to the database."""
    url = make_url(database_url)
    way = TcpProxy((url.host or "127.0.0.1", url.port or 5432))
    yield way
    way.cut()


@pytest.fixture
def caller(start_api: StartApi, database_url: str, proxy: TcpProxy) -> FlaskClient:
    """A caller of an API that reaches its database through the proxy."""
    url = make_url(database_url).set(host="127.0.0.1", port=proxy.port)
    client = start_api(
        database_url=url.render_as_string(hide_password=False), database_pool_size=2
    ).app.test_client()
    eventually(lambda: client.get("/ready").status_code == 200)
    return client


def assert_all_unavailable(caller: FlaskClient, session_id: UUID, execution_id: UUID) -> None:
    """Every call answers 503 but /health."""
    for response in (
        caller.post(f"/code-sessions/{session_id}/run"),
        caller.post(f"/code-sessions/{session_id}/run", headers={"Idempotency-Key": "k"}),
        caller.get(f"/executions/{execution_id}?wait=30"),
        caller.get(f"/executions/{execution_id}/events"),
        caller.get(f"/code-sessions/{session_id}/executions"),
        caller.get("/ready"),
    ):
        assert response.status_code == 503
        assert int(response.headers["Retry-After"]) > 0
        assert "database" in response.get_json()["error"]
    assert caller.get("/health").status_code == 200


def assert_all_well(caller: FlaskClient, session_id: UUID, execution_id: UUID) -> None:
    """Runs are accepted and leave the outbox, executions are shown."""
    assert caller.post(f"/code-sessions/{session_id}/run").status_code == 202
    assert caller.get(f"/executions/{execution_id}").get_json()["status"] == "QUEUED"
    assert caller.get("/ready").status_code == 200


def test_a_database_that_is_gone_is_said_and_its_return_noticed(
    caller: FlaskClient, database: ExecutionsDatabase, sessions: SessionApiStub, proxy: TcpProxy
) -> None:
    session_id, execution_id = sessions.add(), database.add().execution_id
    assert caller.get(f"/executions/{execution_id}").status_code == 200
    proxy.cut()
    assert_all_unavailable(caller, session_id, execution_id)
    proxy.restore()
    assert_all_well(caller, session_id, execution_id)


def test_a_database_that_restarted_between_two_calls_goes_unnoticed(
    caller: FlaskClient, database: ExecutionsDatabase, sessions: SessionApiStub, proxy: TcpProxy
) -> None:
    session_id, execution_id = sessions.add(), database.add().execution_id
    assert caller.get(f"/executions/{execution_id}").status_code == 200
    proxy.cut()
    proxy.restore()
    assert_all_well(caller, session_id, execution_id)


def test_the_row_of_a_confirmed_request_goes_once_the_database_is_back(
    caller: FlaskClient, database: ExecutionsDatabase, sessions: SessionApiStub, proxy: TcpProxy
) -> None:
    assert caller.post(f"/code-sessions/{sessions.add()}/run").status_code == 202
    proxy.cut()
    proxy.restore()
    eventually(lambda: not database.outbox())
