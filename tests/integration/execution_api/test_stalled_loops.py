"""/health of API and relay says which of their background loops hang."""

from collections.abc import Callable
from threading import Event

import urllib3

from execution_api import bootstrap
from execution_api.bootstrap import Api
from execution_api.config import RelayConfig
from runlet_telemetry.supervision import Loop, Supervisor
from support.databases.executions import ExecutionsDatabase

StartApi = Callable[..., Api]

API_LOOPS = {"publisher", "outbox", "subscriber", "missed-event-poller"}
RELAY_LOOPS = {"ops-server", "publisher", "outbox-gauges", "relay"}


def hang(supervisor: Supervisor) -> None:
    """Have a loop say nothing for longer than it may."""
    released = Event()
    supervisor.start(Loop("hanging", lambda _context: _wait(released), released.set, 5.0))
    supervisor.note_passing(6.0)


def _wait(released: Event) -> None:
    released.wait()


def test_the_health_of_the_api_names_a_loop_that_hangs(start_api: StartApi) -> None:
    api = start_api()
    client = api.app.test_client()
    assert client.get("/health").status_code == 200
    assert all(map(api.supervisor.is_running, API_LOOPS))
    hang(api.supervisor)
    answer = client.get("/health")
    assert (answer.status_code, answer.get_json()["away"]) == (503, ["hanging"])


def test_the_health_of_the_relay_names_a_loop_that_hangs(
    database: ExecutionsDatabase, amqp_url: str
) -> None:
    config = RelayConfig(database_url=database.url, amqp_url=amqp_url)
    process = bootstrap.create_relay(config, ops_port=0)
    process.start()
    address = f"http://127.0.0.1:{process.ops.port}/health"
    assert urllib3.request("GET", address).status == 200
    assert all(map(process.supervisor.is_running, RELAY_LOOPS))
    hang(process.supervisor)
    answer = urllib3.request("GET", address)
    assert (answer.status, answer.json()["away"]) == (503, ["hanging"])
    process.close()
