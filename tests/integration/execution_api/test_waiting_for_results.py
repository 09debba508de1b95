"""GET /executions/{id}?wait= answers when the execution is over, and not before its time."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from execution_api.bootstrap import Api
from runlet_amqp import envelopes
from support.broker import vhosts
from support.broker.collectors import running_collector
from support.databases.event_factory import finished, started
from support.databases.executions import ExecutionsDatabase
from support.wait_until import eventually

StartApi = Callable[..., Api]


@pytest.fixture
def only_by_hearing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody looks by chance, and the test ends well before the waiters give up."""
    monkeypatch.setattr("execution_api.executions.missed_event_poller.POLL_SECONDS", 3600.0)
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < 29


@pytest.mark.usefixtures("only_by_hearing")
def test_a_waiter_hears_of_the_end_as_soon_as_it_is_stored(
    client: FlaskClient, database: ExecutionsDatabase, amqp_url: str
) -> None:
    request = database.add()
    path = f"/executions/{request.execution_id}?wait=30"
    with running_collector(database.url, amqp_url), ThreadPoolExecutor(1) as callers:
        waiting = callers.submit(client.get, path)
        vhosts.publish(
            amqp_url,
            envelopes.event(started(request), None),
            envelopes.event(finished(request, stdout="42\n"), None),
        )
        execution = waiting.result().get_json()
    assert (execution["status"], execution["stdout"]) == ("COMPLETED", "42\n")
    # What was heard is what is read: the fields that are null too.
    assert execution == client.get(f"/executions/{request.execution_id}").get_json()


@pytest.mark.usefixtures("only_by_hearing")
def test_an_end_that_is_stored_later_than_it_is_heard_of_is_waited_for(
    client: FlaskClient, database: ExecutionsDatabase, amqp_url: str
) -> None:
    request = database.add()
    vhosts.publish(amqp_url, envelopes.event(finished(request), None))
    with ThreadPoolExecutor(1) as callers:
        waiting = callers.submit(client.get, f"/executions/{request.execution_id}?wait=30")
        with running_collector(database.url, amqp_url):
            assert waiting.result().get_json()["status"] == "COMPLETED"


@pytest.mark.usefixtures("only_by_hearing")
def test_a_request_that_was_given_up_ends_the_wait(
    client: FlaskClient, database: ExecutionsDatabase, amqp_url: str
) -> None:
    request = database.add()
    letter = envelopes.dead_letter(
        "run.requested.v1", b"{}", str(request.execution_id), "It cannot be run.", None
    )
    with running_collector(database.url, amqp_url), ThreadPoolExecutor(1) as callers:
        waiting = callers.submit(client.get, f"/executions/{request.execution_id}?wait=30")
        vhosts.publish(amqp_url, letter)
        execution = waiting.result().get_json()
    assert (execution["status"], execution["reason"]) == ("FAILED", "infrastructure")


def test_without_a_broker_the_end_is_noticed_all_the_same(
    start_api: StartApi, database: ExecutionsDatabase
) -> None:
    client = start_api(amqp_url="amqp://guest:guest@127.0.0.1:1/").app.test_client()
    request = database.add()
    with ThreadPoolExecutor(1) as callers:
        waiting = callers.submit(client.get, f"/executions/{request.execution_id}?wait=30")
        database.run("UPDATE executions SET status = 'COMPLETED'")
        assert waiting.result().get_json()["status"] == "COMPLETED"


@pytest.mark.parametrize("wait", ["0.05", "0", "0.000001"])
def test_when_the_time_is_over_the_execution_is_shown_as_it_is(
    client: FlaskClient, database: ExecutionsDatabase, wait: str
) -> None:
    request = database.add()
    answer = client.get(f"/executions/{request.execution_id}?wait={wait}")
    assert (answer.status_code, answer.get_json()["status"]) == (200, "QUEUED")


@pytest.mark.usefixtures("only_by_hearing")
def test_waiters_hold_no_database_connection(
    start_api: StartApi, database: ExecutionsDatabase, amqp_url: str
) -> None:
    app = start_api(database_pool_size=1).app
    eventually(lambda: app.test_client().get("/ready").status_code == 200)
    requests = [database.add() for _ in range(8)]

    def wait_for(execution_id: UUID) -> TestResponse:
        return app.test_client().get(f"/executions/{execution_id}?wait=30")

    with running_collector(database.url, amqp_url), ThreadPoolExecutor(8) as callers:
        waiting = [callers.submit(wait_for, request.execution_id) for request in requests]
        vhosts.publish(amqp_url, *(envelopes.event(finished(r), None) for r in requests))
        assert {answer.result().get_json()["status"] for answer in waiting} == {"COMPLETED"}


@pytest.mark.parametrize("wait", ["-1", "30.1", "soon", "nan", "inf", "-inf", "", "1e400", "0x1"])
def test_a_wait_that_makes_no_sense_is_refused(
    client: FlaskClient, database: ExecutionsDatabase, wait: str
) -> None:
    refused = client.get(f"/executions/{database.add().execution_id}?wait={wait}")
    assert refused.status_code == 422
    assert list(refused.get_json()["errors"]) == ["wait"]
