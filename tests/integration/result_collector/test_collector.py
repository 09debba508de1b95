"""The collector between a real broker and a real database."""

import threading
from collections.abc import Iterator, Sequence

import pytest
import urllib3
from prometheus_client import REGISTRY
from sqlalchemy import make_url
from structlog.testing import capture_logs

from result_collector.ingest.store import Store, Stored
from runlet import topology
from runlet.messages import RunRequested
from runlet_amqp import envelopes
from runlet_telemetry import supervision
from runlet_telemetry.supervision import MAX_SILENCE_SECONDS
from support.broker import vhosts
from support.broker.collectors import running_collector
from support.broker.tcp_proxy import TcpProxy
from support.databases.event_factory import finished, started
from support.databases.executions import ExecutionsDatabase
from support.telemetry.ops import serve
from support.wait_until import eventually


def proxy_to(url: str) -> tuple[TcpProxy, str]:
    """A proxy in front of a server, and the server's address through it."""
    address = make_url(url)
    assert address.host
    assert address.port
    proxy = TcpProxy((address.host, address.port))
    through = address.set(host="127.0.0.1", port=proxy.port)
    return proxy, through.render_as_string(hide_password=False)


@pytest.fixture
def database_proxy(database: ExecutionsDatabase) -> Iterator[tuple[TcpProxy, str]]:
    """The way to the database."""
    proxy, url = proxy_to(database.url)
    yield proxy, url
    proxy.cut()


@pytest.fixture
def broker_proxy(amqp_url: str) -> Iterator[tuple[TcpProxy, str]]:
    """The way to the broker."""
    proxy, url = proxy_to(amqp_url)
    yield proxy, url
    proxy.cut()


def tell_of(amqp_url: str, requests: Sequence[RunRequested]) -> None:
    """Publish the start and the end of runs."""
    told = [event(request) for request in requests for event in (started, finished)]
    vhosts.publish(amqp_url, *(envelopes.event(event, None) for event in told))


def completed(database: ExecutionsDatabase, requests: Sequence[RunRequested]) -> bool:
    """Whether all of them are."""
    statuses = {database.execution(request.execution_id)["status"] for request in requests}
    return statuses == {"COMPLETED"}


def test_what_is_published_is_stored_and_leaves_the_queue(
    database: ExecutionsDatabase, amqp_url: str
) -> None:
    requests = [database.add() for _ in range(20)]
    tell_of(amqp_url, requests)
    with running_collector(database.url, amqp_url):
        eventually(lambda: completed(database, requests))
    assert vhosts.depth(amqp_url, topology.RESULTS_QUEUE) == 0
    assert database.events(requests[0].execution_id) == [
        ("queued", 1),
        ("started", 1),
        ("finished", 1),
    ]


def test_a_request_that_kills_every_runner_ends_as_failed(
    database: ExecutionsDatabase, amqp_url: str
) -> None:
    request = database.add()
    vhosts.publish(amqp_url, envelopes.run_request(request, None))
    for _ in range(topology.DELIVERY_LIMIT + 1):
        with vhosts.open_channel(amqp_url) as channel:
            eventually(lambda: channel.basic_get("runs.python")[0])
    with running_collector(database.url, amqp_url):
        eventually(lambda: database.execution(request.execution_id)["status"] == "FAILED")
    [letter] = database.dead_letters()
    assert "ended its runners 4 times" in letter["reason"]


def test_a_database_that_is_away_for_a_moment_loses_nothing(
    database: ExecutionsDatabase, amqp_url: str, database_proxy: tuple[TcpProxy, str]
) -> None:
    proxy, url = database_proxy
    requests = [database.add() for _ in range(5)]
    with running_collector(url, amqp_url) as collector:
        tell_of(amqp_url, requests[:1])
        eventually(lambda: completed(database, requests[:1]))
        proxy.cut()
        with capture_logs() as logs:
            tell_of(amqp_url, requests[1:])
            eventually(lambda: any(line["event"] == "database_unavailable" for line in logs))
        assert collector.supervisor.is_running("writer")
        proxy.restore()
        eventually(lambda: completed(database, requests))


def test_a_broker_that_is_away_for_a_moment_loses_nothing(
    database: ExecutionsDatabase, amqp_url: str, broker_proxy: tuple[TcpProxy, str]
) -> None:
    proxy, url = broker_proxy
    requests = [database.add() for _ in range(5)]
    with running_collector(database.url, url) as collector:
        port = serve(collector.ops)
        tell_of(amqp_url, requests[:1])
        eventually(lambda: completed(database, requests[:1]))
        proxy.cut()
        eventually(lambda: not is_ready(port))
        tell_of(amqp_url, requests[1:])
        proxy.restore()
        eventually(lambda: completed(database, requests))


def test_a_stop_while_the_database_is_away_gives_everything_back(
    database: ExecutionsDatabase, amqp_url: str, database_proxy: tuple[TcpProxy, str]
) -> None:
    proxy, url = database_proxy
    requests = [database.add()]
    proxy.cut()
    with capture_logs() as logs, running_collector(url, amqp_url):
        tell_of(amqp_url, requests)
        eventually(lambda: any(line["event"] == "database_unavailable" for line in logs))
    assert not completed(database, requests)
    with running_collector(database.url, amqp_url):
        eventually(lambda: completed(database, requests))


def test_a_stop_settles_what_is_stored(database: ExecutionsDatabase, amqp_url: str) -> None:
    requests = [database.add() for _ in range(300)]
    tell_of(amqp_url, requests)
    with running_collector(database.url, amqp_url):
        eventually(lambda: completed(database, requests[:1]))
    left = vhosts.depth(amqp_url, topology.RESULTS_QUEUE)
    stored = sum(len(database.events(request.execution_id)) - 1 for request in requests)
    assert left + stored == 600


def test_transitions_are_logged_once_and_without_what_programs_print(
    database: ExecutionsDatabase, amqp_url: str
) -> None:
    request = database.add()
    end = finished(request, stdout="a secret")
    event = envelopes.event(end, None)
    vhosts.publish(amqp_url, event, event)
    with capture_logs() as logs, running_collector(database.url, amqp_url):
        eventually(lambda: vhosts.depth(amqp_url, topology.RESULTS_QUEUE) == 0)
        eventually(lambda: completed(database, [request]))
    told = [line for line in logs if line["event"].startswith("execution_")]
    [line] = told
    assert line["event"] == "execution_finished"
    assert line["execution_id"] == str(request.execution_id)
    assert line["session_id"] == str(request.session_id)
    assert (line["status"], line["attempt"]) == ("COMPLETED", 1)
    assert line["started_at"] == str(end.started_at).replace(" ", "T")
    assert line["happened_at"] == end.finished_at.isoformat()
    assert "secret" not in str(logs)


def test_events_and_dead_letters_are_counted(database: ExecutionsDatabase, amqp_url: str) -> None:
    def counted(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(name, labels) or 0

    before = counted("runlet_events_stored_total", type="finished")
    lags = counted("runlet_event_lag_seconds_count", type="finished")
    invalid = counted("runlet_dead_letters_total", reason="invalid_event")
    known, unknown = database.add(), database.add()
    database.run("DELETE FROM executions WHERE id = :id", id=unknown.execution_id)
    events = [envelopes.event(finished(request), None) for request in (known, unknown)]
    vhosts.publish(amqp_url, *events)
    with running_collector(database.url, amqp_url):
        eventually(lambda: completed(database, [known]) and database.dead_letters())
    assert counted("runlet_events_stored_total", type="finished") == before + 1
    assert counted("runlet_event_lag_seconds_count", type="finished") == lags + 1
    assert counted("runlet_dead_letters_total", reason="invalid_event") == invalid + 1


def is_ready(port: int) -> bool:
    """Whether a collector whose pages are served there can take messages and write."""
    return get(port, "/ready")[0] == 200


def get(port: int, path: str) -> tuple[int, object]:
    """Status and JSON of an answer of the ops server."""
    answer = urllib3.request("GET", f"http://127.0.0.1:{port}{path}", retries=False)
    return answer.status, answer.json()


def test_health_and_readiness_tell_what_is_away(
    database: ExecutionsDatabase, amqp_url: str, database_proxy: tuple[TcpProxy, str]
) -> None:
    proxy, url = database_proxy
    with running_collector(url, amqp_url) as collector:
        port = serve(collector.ops)
        eventually(lambda: is_ready(port))
        assert get(port, "/ready") == (200, {"status": "ok"})
        proxy.cut()
        assert get(port, "/ready") == (503, {"status": "unavailable", "away": ["database"]})
        assert get(port, "/health") == (200, {"status": "ok"})


def test_a_collector_that_cannot_write_any_more_ends_and_says_so(
    database: ExecutionsDatabase, amqp_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Store, "apply", None)
    monkeypatch.setattr(supervision, "MAX_FAILURES_IN_A_ROW", 1)
    tell_of(amqp_url, [database.add()])
    with running_collector(database.url, amqp_url) as collector:
        eventually(collector.stop.is_set)
    assert collector.supervisor.has_given_up


def test_health_names_the_loop_that_hangs(
    database: ExecutionsDatabase, amqp_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = threading.Event()
    hangs = threading.Event()

    def hang(_store: Store, _writes: object) -> list[Stored]:
        hangs.set()
        goes_on.wait()
        return []

    monkeypatch.setattr(Store, "apply", hang)
    tell_of(amqp_url, [database.add()])
    with running_collector(database.url, amqp_url) as collector:
        port = serve(collector.ops)
        assert hangs.wait(60)
        collector.supervisor.note_passing(MAX_SILENCE_SECONDS + 1)
        status, answer = get(port, "/health")
        goes_on.set()
        assert status == 503
        assert "writer" in str(answer)
