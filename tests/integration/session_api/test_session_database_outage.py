"""What callers see while the database is away, and that they see it no longer than that."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import make_url

from session_api import bootstrap
from session_api.config import Config
from support.broker.tcp_proxy import TcpProxy

Calls = list[tuple[str, str, dict[str, Any] | None]]


@pytest.fixture
def proxy(database_url: str) -> Iterator[TcpProxy]:
    """The way to the database."""
    url = make_url(database_url)
    way = TcpProxy((url.host or "127.0.0.1", url.port or 5432))
    yield way
    way.cut()


@pytest.fixture
def caller(database_url: str, proxy: TcpProxy) -> FlaskClient:
    """A caller of an API that reaches its database through the proxy."""
    url = make_url(database_url).set(host="127.0.0.1", port=proxy.port)
    config = Config(database_url=url.render_as_string(hide_password=False))
    return bootstrap.create_api(config).app.test_client()


@pytest.fixture
def address(caller: FlaskClient) -> str:
    """A session, made while all was well."""
    location: str = caller.post("/code-sessions", json={"language": "python"}).headers["Location"]
    return location


@contextmanager
def short_deadlines() -> Iterator[None]:
    """The service waits for a tenth of a second only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("runlet_postgres.engines.CONNECT_SECONDS", 0.1)
        for connection in ("_Connection", "_ProbeConnection"):
            patch.setattr(f"runlet_postgres.engines.{connection}.statement_deadline_seconds", 0.1)
        yield


def assert_all_unavailable(caller: FlaskClient, address: str) -> None:
    """Every call that needs the database answers 503, and the others go on."""
    for response in (
        caller.post("/code-sessions", json={"language": "python"}),
        caller.get("/code-sessions"),
        caller.get(address),
        caller.patch(address, json={"code": "x"}),
        caller.patch(f"{address}/close"),
        caller.get("/ready"),
    ):
        assert response.status_code == 503
        assert int(response.headers["Retry-After"]) > 0
        assert "database" in response.get_json()["error"]
    assert caller.get("/health").status_code == 200
    assert caller.get("/languages").status_code == 200


def assert_all_well(caller: FlaskClient, address: str) -> None:
    """The session is as it was before, and the API works on it."""
    assert caller.get("/ready").get_json() == {"status": "ready"}
    assert caller.get(address).get_json()["revision"] == 1
    assert caller.patch(address, json={"code": "x"}).get_json()["revision"] == 2


def test_a_database_that_is_gone_is_said_and_its_return_noticed(
    caller: FlaskClient, address: str, proxy: TcpProxy
) -> None:
    proxy.cut()
    assert_all_unavailable(caller, address)
    proxy.restore()
    assert_all_well(caller, address)


def test_a_database_that_restarted_between_two_calls_goes_unnoticed(
    caller: FlaskClient, address: str, proxy: TcpProxy
) -> None:
    proxy.cut()
    proxy.restore()
    assert_all_well(caller, address)


def test_a_database_that_froze_is_waited_for_only_so_long(
    caller: FlaskClient, address: str, proxy: TcpProxy
) -> None:
    proxy.freeze()
    with short_deadlines():
        assert_all_unavailable(caller, address)
    proxy.thaw()
    assert_all_well(caller, address)
