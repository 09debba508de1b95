"""No accepted run is lost, whatever happens to the broker."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future

import pytest
from sqlalchemy import make_url, text

from execution_api import bootstrap
from execution_api.bootstrap import Api, RelayProcess
from execution_api.config import RelayConfig
from execution_api.outbox import relay as relay_module
from execution_api.outbox.outbox import Outbox, StoredRequest
from execution_api.outbox.relay import OutboxRelay
from runlet import messages
from runlet_amqp.envelopes import Envelope
from runlet_amqp.errors import BrokerUnavailableError
from runlet_amqp.publisher import Publisher
from runlet_postgres import engines
from runlet_postgres.errors import DatabaseUnavailableError
from support.broker import vhosts
from support.broker.tcp_proxy import TcpProxy
from support.databases.executions import ExecutionsDatabase, run_requested
from support.http.session_api_stub import SessionApiStub
from support.loops import supervised
from support.parallel import at_once
from support.wait_until import eventually

StartApi = Callable[..., Api]


@pytest.fixture
def proxy(amqp_url: str) -> Iterator[TcpProxy]:
    """The way to the broker."""
    url = make_url(amqp_url)
    way = TcpProxy((url.host or "127.0.0.1", url.port or 5672))
    yield way
    way.cut()


@pytest.fixture
def proxied_amqp_url(amqp_url: str, proxy: TcpProxy) -> str:
    """The virtual host, through the proxy."""
    url = make_url(amqp_url).set(host="127.0.0.1", port=proxy.port)
    return url.render_as_string(hide_password=False)


@pytest.fixture
def relay(database: ExecutionsDatabase, amqp_url: str) -> Iterator[RelayProcess]:
    """A relay that is connected, but does not turn by itself."""
    config = RelayConfig(database_url=database.url, amqp_url=amqp_url, languages="python")
    process = bootstrap.create_relay(config, ops_port=0)
    process.supervisor.start(process.publisher.loop())
    assert process.publisher.wait_until_connected(120)
    yield process
    process.supervisor.stop_all()


def grow_old(database: ExecutionsDatabase) -> None:
    """Make every row in the outbox a minute older."""
    database.run("UPDATE outbox SET created_at = created_at - interval '1 minute'")


def test_a_run_is_accepted_while_the_broker_is_away_and_relayed_later(
    start_api: StartApi,
    sessions: SessionApiStub,
    database: ExecutionsDatabase,
    relay: RelayProcess,
    amqp_url: str,
) -> None:
    client = start_api(amqp_url="amqp://guest:guest@127.0.0.1:1/").app.test_client()
    answer = client.post(f"/code-sessions/{sessions.add()}/run")
    assert answer.status_code == 202
    assert client.get("/ready").status_code == 503
    assert client.get("/ready?for=requests").status_code == 200
    grow_old(database)

    assert relay.relay.relay_batch() == 1

    [(properties, body)] = vhosts.take(amqp_url, "runs.python", 1)
    execution_id = answer.get_json()["execution_id"]
    assert properties.correlation_id == execution_id
    assert properties.type == "run.requested.v1"
    assert execution_id.encode() in body
    assert not database.outbox()


def test_the_api_finds_back_to_a_broker_that_was_cut_off(
    start_api: StartApi,
    sessions: SessionApiStub,
    database: ExecutionsDatabase,
    proxy: TcpProxy,
    proxied_amqp_url: str,
) -> None:
    client = start_api(amqp_url=proxied_amqp_url).app.test_client()
    eventually(lambda: client.get("/ready").status_code == 200)
    proxy.cut()
    unsent = client.post(f"/code-sessions/{sessions.add()}/run")
    assert unsent.status_code == 202
    proxy.restore()
    eventually(lambda: client.get("/ready").status_code == 200)
    assert client.post(f"/code-sessions/{sessions.add()}/run").status_code == 202
    eventually(lambda: len(database.outbox()) <= 1)


def test_a_stop_forgets_what_the_broker_has(
    start_api: StartApi, sessions: SessionApiStub, database: ExecutionsDatabase, amqp_url: str
) -> None:
    api = start_api()
    client = api.app.test_client()
    eventually(lambda: client.get("/ready").status_code == 200)
    for _ in range(5):
        assert client.post(f"/code-sessions/{sessions.add()}/run").status_code == 202
    api.close()
    assert not database.outbox()
    assert vhosts.depth(amqp_url, "runs.python") == 5


class SlowPublisher(Publisher):
    """Confirms when it is told to."""

    def __init__(self) -> None:
        self.confirm: Future[None] = Future()

    def publish(self, _message: Envelope) -> "Future[None]":
        return self.confirm


def test_a_late_confirm_leaves_the_request_of_a_later_attempt_alone(
    database: ExecutionsDatabase,
) -> None:
    request = database.add()
    publisher = SlowPublisher()
    outbox = Outbox(publisher, database.engine)
    with supervised(outbox.loop()):
        body = messages.encode(request).decode()
        stored = StoredRequest(request.execution_id, "python", body, None, 1, request.queued_at)
        outbox.publish(stored)
        database.run("UPDATE outbox SET attempt = 2")
        publisher.confirm.set_result(None)
    assert database.outbox() == {request.execution_id}


def test_the_clean_up_does_not_wait_for_rows_that_a_relay_holds(
    database: ExecutionsDatabase,
) -> None:
    held, free = database.add(), database.add()
    publisher = SlowPublisher()
    publisher.confirm.set_result(None)
    outbox = Outbox(publisher, database.engine)
    for request in (held, free):
        body = messages.encode(request).decode()
        outbox.publish(
            StoredRequest(request.execution_id, "python", body, None, 1, request.queued_at)
        )
    lock = text("SELECT FROM outbox WHERE execution_id = :id FOR UPDATE")
    with engines.transaction(database.engine) as relay:
        relay.execute(lock, {"id": held.execution_id})
        with supervised(outbox.loop()):
            eventually(lambda: database.outbox() == {held.execution_id})


def test_a_relay_that_hangs_lets_go_of_its_rows(
    database: ExecutionsDatabase, relay: RelayProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("execution_api.outbox.relay.LOCK_SECONDS", 0.2)
    monkeypatch.setattr("execution_api.outbox.relay.wait", hang)
    database.add()
    grow_old(database)
    with pytest.raises(DatabaseUnavailableError):
        relay.relay.relay_batch()
    with engines.transaction(database.engine) as other:
        assert other.execute(text("SELECT FROM outbox FOR UPDATE SKIP LOCKED")).rowcount == 1


def hang(*_waited_for: object, timeout: float) -> tuple[set[object], set[object]]:
    """Take as long as a process that is frozen while it waits for confirms."""
    threading.Event().wait(timeout / 20)
    return set(), set()


def test_what_is_fresh_is_left_to_the_api(
    database: ExecutionsDatabase, relay: RelayProcess
) -> None:
    database.add()
    assert relay.relay.relay_batch() == 0
    assert len(database.outbox()) == 1


def test_what_has_begun_already_is_not_sent_again(
    database: ExecutionsDatabase, relay: RelayProcess, amqp_url: str
) -> None:
    database.add()
    database.run("UPDATE executions SET status = 'RUNNING'")
    grow_old(database)
    assert relay.relay.relay_batch() == 1
    assert not database.outbox()
    assert vhosts.depth(amqp_url, "runs.python") == 0


def test_the_oldest_go_first(
    database: ExecutionsDatabase, relay: RelayProcess, amqp_url: str
) -> None:
    made = [database.add().execution_id for _ in range(5)]
    grow_old(database)
    relay.relay.relay_batch()
    taken = vhosts.take(amqp_url, "runs.python", 5)
    assert [properties.correlation_id for properties, _ in taken] == [str(id_) for id_ in made]


def test_a_language_without_a_queue_holds_up_nothing(
    database: ExecutionsDatabase, relay: RelayProcess, amqp_url: str
) -> None:
    held_back = database.add(run_requested(language="javascript")).execution_id
    database.add()
    grow_old(database)
    assert relay.relay.relay_batch() == 1
    assert database.outbox() == {held_back}


class SilentPublisher(Publisher):
    """Takes messages, and confirms them when it is told to."""

    def __init__(self) -> None:
        self.futures: list[Future[None]] = []

    def publish(self, _message: Envelope) -> "Future[None]":
        self.futures.append(Future())
        return self.futures[-1]


@pytest.fixture
def silent_relay(
    database: ExecutionsDatabase, monkeypatch: pytest.MonkeyPatch
) -> tuple[OutboxRelay, SilentPublisher]:
    """A relay that waits for no confirm."""
    monkeypatch.setattr(relay_module, "CONFIRM_SECONDS", 0.0)
    engine = database.engine.execution_options(isolation_level="READ COMMITTED")
    publisher = SilentPublisher()
    return OutboxRelay(engine, publisher, ["python"]), publisher


def test_what_the_broker_has_not_confirmed_yet_is_not_sent_again(
    database: ExecutionsDatabase, silent_relay: tuple[OutboxRelay, SilentPublisher]
) -> None:
    relay, publisher = silent_relay
    database.add()
    grow_old(database)
    for _ in range(3):
        assert relay.relay_batch() == 0
    (future,) = publisher.futures

    future.set_result(None)

    assert relay.relay_batch() == 1
    assert len(publisher.futures) == 1
    assert not database.outbox()


def test_what_the_broker_has_refused_late_is_sent_again(
    database: ExecutionsDatabase, silent_relay: tuple[OutboxRelay, SilentPublisher]
) -> None:
    relay, publisher = silent_relay
    database.add()
    grow_old(database)
    relay.relay_batch()
    publisher.futures[0].set_exception(BrokerUnavailableError("away"))

    relay.relay_batch()
    relay.relay_batch()

    assert len(publisher.futures) == 2


def test_a_later_attempt_is_sent_while_one_before_is_not_confirmed(
    database: ExecutionsDatabase, silent_relay: tuple[OutboxRelay, SilentPublisher]
) -> None:
    relay, publisher = silent_relay
    database.add()
    grow_old(database)
    relay.relay_batch()
    database.run("UPDATE outbox SET attempt = 2")

    relay.relay_batch()

    assert len(publisher.futures) == 2


def test_relays_side_by_side_send_everything_once(
    database: ExecutionsDatabase, amqp_url: str
) -> None:
    for _ in range(30):
        database.add()
    grow_old(database)
    config = RelayConfig(database_url=database.url, amqp_url=amqp_url)
    relays = [bootstrap.create_relay(config, ops_port=0) for _ in range(2)]
    for process in relays:
        process.supervisor.start(process.publisher.loop())
        assert process.publisher.wait_until_connected(120)
    turns = iter(relays)
    moved = at_once(2, lambda: next(turns).relay.relay_batch())
    assert sum(moved) == 30
    assert vhosts.depth(amqp_url, "runs.python") == 30
    for process in relays:
        process.supervisor.stop_all()


def test_nothing_leaves_the_outbox_before_the_broker_has_it(
    database: ExecutionsDatabase, proxied_amqp_url: str, proxy: TcpProxy
) -> None:
    config = RelayConfig(database_url=database.url, amqp_url=proxied_amqp_url)
    process = bootstrap.create_relay(config, ops_port=0)
    process.supervisor.start(process.publisher.loop())
    assert process.publisher.wait_until_connected(120)
    database.add()
    grow_old(database)
    proxy.cut()
    assert process.relay.relay_batch() == 0
    assert len(database.outbox()) == 1
    process.supervisor.stop_all()


def test_a_relay_works_until_it_is_stopped(
    database: ExecutionsDatabase, relay: RelayProcess
) -> None:
    database.add()
    grow_old(database)
    relay.supervisor.start(relay.relay.loop())
    eventually(lambda: not database.outbox())
    assert relay.supervisor.stalled() == []
    assert relay.supervisor.stop("relay", timeout=30)
