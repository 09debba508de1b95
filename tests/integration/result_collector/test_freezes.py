"""A server that accepts and never answers: every loop of the collector goes on afterwards."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from sqlalchemy import make_url
from structlog.testing import capture_logs

from runlet.messages import RunRequested
from runlet_amqp import envelopes
from support.broker import vhosts
from support.broker.collectors import running_collector
from support.broker.tcp_proxy import TcpProxy
from support.databases import stuck_executions
from support.databases.event_factory import finished
from support.databases.executions import ExecutionsDatabase
from support.telemetry.metrics import value
from support.wait_until import eventually

# A broker that answers nothing is noticed by its missing heartbeats, then tried again.
LONG_SECONDS = 300.0
SOON: dict[str, Any] = {"reconcile_after_seconds": 5, "reconcile_every_seconds": 1}


@pytest.fixture
def proxies(
    database: ExecutionsDatabase, amqp_url: str
) -> Iterator[tuple[TcpProxy, str, TcpProxy, str]]:
    """The ways to the database and to the broker, each with its address."""
    made = [_proxy_to(url) for url in (database.url, amqp_url)]
    [(first, database_url), (second, broker_url)] = made
    yield first, database_url, second, broker_url
    for proxy, _url in made:
        proxy.cut()


def _proxy_to(url: str) -> tuple[TcpProxy, str]:
    address = make_url(url)
    assert address.host
    assert address.port
    proxy = TcpProxy((address.host, address.port))
    through = address.set(host="127.0.0.1", port=proxy.port)
    return proxy, through.render_as_string(hide_password=False)


def is_stored(database: ExecutionsDatabase, request: RunRequested) -> bool:
    """Whether the end of a run is."""
    return bool(database.execution(request.execution_id)["status"] == "COMPLETED")


def test_all_loops_go_on_after_both_servers_were_frozen(
    database: ExecutionsDatabase, amqp_url: str, proxies: tuple[TcpProxy, str, TcpProxy, str]
) -> None:
    database_proxy, database_url, broker_proxy, broker_url = proxies
    before, after = database.add(), database.add()
    with running_collector(database_url, broker_url, **SOON) as collector:
        vhosts.publish(amqp_url, envelopes.event(finished(before), None))
        eventually(lambda: is_stored(database, before))
        with capture_logs() as logs:
            database_proxy.freeze()
            broker_proxy.freeze()
            vhosts.publish(amqp_url, envelopes.event(finished(after), None))
            eventually(lambda: noticed_by_all(logs), LONG_SECONDS)
        stuck = stuck_executions.running(database, 10_000)
        database_proxy.thaw()
        broker_proxy.thaw()
        eventually(lambda: is_stored(database, after), LONG_SECONDS)
        eventually(lambda: stuck_executions.attempt_in_outbox(database, stuck) == 2, LONG_SECONDS)
        eventually(lambda: value("runlet_queue_messages", queue="runs.python") == 0, LONG_SECONDS)
        eventually(lambda: not collector.supervisor.stalled(), LONG_SECONDS)
        assert not collector.supervisor.has_given_up
        assert not collector.stop.is_set()


def noticed_by_all(logs: Sequence[Mapping[str, Any]]) -> bool:
    """Whether every loop has met the outage."""
    turns = {line["loop"] for line in logs if line["event"] == "turn_failed"}
    lost = {line["connection"] for line in logs if line["event"] == "broker_connection_lost"}
    return {"reconciler", "queue-gauges", "age-gauges"} <= turns and len(lost) > 0
