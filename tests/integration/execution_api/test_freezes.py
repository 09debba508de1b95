"""API and relay go on by themselves after a broker or a database that froze instead of dying."""

from collections.abc import Callable, Iterator
from threading import Event

import pytest
from sqlalchemy import make_url

from execution_api import bootstrap
from execution_api.bootstrap import Api, RelayProcess
from execution_api.config import RelayConfig
from support.broker import vhosts
from support.broker.tcp_proxy import TcpProxy
from support.databases.executions import ExecutionsDatabase
from support.http.session_api_stub import SessionApiStub
from support.wait_until import eventually

StartApi = Callable[..., Api]

# Longer than heartbeats, connection attempts and statements may take.
BROKER_FROZEN_SECONDS, DATABASE_FROZEN_SECONDS = 45.0, 20.0


def through(proxy: TcpProxy, address: str) -> str:
    """An address, by way of the proxy."""
    url = make_url(address).set(host="127.0.0.1", port=proxy.port)
    return url.render_as_string(hide_password=False)


def proxy_for(address: str, default_port: int) -> TcpProxy:
    """A way to a server that can be frozen."""
    url = make_url(address)
    return TcpProxy((url.host or "127.0.0.1", url.port or default_port))


@pytest.fixture
def broker(amqp_url: str) -> Iterator[TcpProxy]:
    """The way to the broker."""
    proxy = proxy_for(amqp_url, 5672)
    yield proxy
    proxy.cut()


@pytest.fixture
def postgres(database_url: str) -> Iterator[TcpProxy]:
    """The way to the database."""
    proxy = proxy_for(database_url, 5432)
    yield proxy
    proxy.cut()


@pytest.fixture
def api(
    start_api: StartApi, broker: TcpProxy, postgres: TcpProxy, amqp_url: str, database_url: str
) -> Api:
    """An API that is connected by these ways."""
    api = start_api(
        amqp_url=through(broker, amqp_url), database_url=through(postgres, database_url)
    )
    eventually(lambda: api.app.test_client().get("/ready").status_code == 200)
    return api


@pytest.fixture
def relay(
    broker: TcpProxy, postgres: TcpProxy, amqp_url: str, database_url: str
) -> Iterator[RelayProcess]:
    """A relay that works by these ways."""
    config = RelayConfig(
        database_url=through(postgres, database_url), amqp_url=through(broker, amqp_url)
    )
    process = bootstrap.create_relay(config, ops_port=0)
    process.start()
    assert process.publisher.wait_until_connected(120)
    yield process
    process.close()


def accept(api: Api, sessions: SessionApiStub) -> int:
    """Run a new session; gives the status of the answer."""
    return api.app.test_client().post(f"/code-sessions/{sessions.add()}/run").status_code


@pytest.mark.timeout(300)
def test_whatever_was_accepted_while_the_broker_was_frozen_is_published(
    api: Api,
    relay: RelayProcess,
    broker: TcpProxy,
    sessions: SessionApiStub,
    database: ExecutionsDatabase,
    amqp_url: str,
) -> None:
    broker.freeze()
    assert [accept(api, sessions) for _ in range(3)] == [202] * 3
    Event().wait(BROKER_FROZEN_SECONDS)
    assert accept(api, sessions) == 202
    assert api.supervisor.stalled() == relay.supervisor.stalled() == []
    broker.thaw()
    eventually(lambda: not database.outbox())
    assert vhosts.depth(amqp_url, "runs.python") >= 4
    assert accept(api, sessions) == 202
    eventually(lambda: not database.outbox())


@pytest.mark.timeout(300)
def test_runs_are_accepted_and_relayed_again_after_the_database_was_frozen(
    api: Api,
    relay: RelayProcess,
    postgres: TcpProxy,
    sessions: SessionApiStub,
    database: ExecutionsDatabase,
) -> None:
    postgres.freeze()
    assert accept(api, sessions) == 503
    Event().wait(DATABASE_FROZEN_SECONDS)
    assert api.supervisor.stalled() == relay.supervisor.stalled() == []
    postgres.thaw()
    eventually(lambda: accept(api, sessions) == 202)
    database.add()
    database.run("UPDATE outbox SET created_at = created_at - interval '1 minute'")
    eventually(lambda: not database.outbox())
