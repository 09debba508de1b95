"""Runs that ask for a callback: which are accepted, and what is kept of them."""

from collections.abc import Callable
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from execution_api.bootstrap import Api, create_api
from execution_api.config import ApiConfig
from runlet import messages, topology
from runlet.config import ConfigError
from runlet.messages import CallbackRequested
from support.broker import vhosts
from support.databases.executions import ExecutionsDatabase
from support.http.session_api_stub import SessionApiStub
from support.wait_until import eventually

ALLOWED = "hooks.example.com, *.internal:8443!private, 10.0.0.5"
URL = "https://hooks.example.com/runlet?token=1"


@pytest.fixture
def caller(start_api: Callable[..., Api]) -> FlaskClient:
    """A caller of an API that allows callbacks."""
    api = start_api(callback_allowed_hosts=ALLOWED)
    client = api.app.test_client()
    eventually(lambda: client.get("/ready").status_code == 200)
    return client


def run(client: FlaskClient, sessions: SessionApiStub, url: str) -> UUID:
    """Have a run with this callback accepted."""
    path = f"/code-sessions/{sessions.add()}/run"
    answer = client.post(path, json={"callback_url": url})
    assert answer.status_code == 202, answer.text
    return UUID(answer.get_json()["execution_id"])


@pytest.mark.parametrize("url", [URL, "https://a.internal:8443/", "http://10.0.0.5/x"])
def test_the_callback_is_kept_with_the_execution(
    caller: FlaskClient, sessions: SessionApiStub, database: ExecutionsDatabase, url: str
) -> None:
    execution_id = run(caller, sessions, url)
    assert database.execution(execution_id)["callback_url"] == url
    assert database.callback(execution_id) is None
    assert "callback_url" not in caller.get(f"/executions/{execution_id}").get_json()


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("https://other.example/", "not among the hosts"),
        ("https://hooks.example.com:8443/", "not among the hosts"),
        ("https://hooks.example.com@other.example/", "user name"),
        ("ftp://hooks.example.com/", "http:// or https://"),
        ("https://hooks.example.com/#x", "fragment"),
        ("http://0x0a.0.0.5/", "usual form"),
        ("http://[::ffff:10.0.0.5]/", "not among the hosts"),
        ("https://hooks.example.com/" + "x" * 2048, "2048"),
        ("", "visible ASCII"),
        (17, "Not a valid string"),
        (None, "may not be null"),
        (["https://hooks.example.com/"], "Not a valid string"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_url_that_may_not_be_called_is_refused_with_the_reason(
    caller: FlaskClient, sessions: SessionApiStub, url: object, problem: str
) -> None:
    path = f"/code-sessions/{sessions.add()}/run"
    refused = caller.post(path, json={"callback_url": url})
    assert refused.status_code == 422
    [sentence] = refused.get_json()["errors"]["callback_url"]
    assert problem in sentence


def test_callbacks_are_off_by_default(client: FlaskClient, sessions: SessionApiStub) -> None:
    refused = client.post(f"/code-sessions/{sessions.add()}/run", json={"callback_url": URL})
    assert refused.status_code == 422
    assert "not enabled" in refused.get_json()["errors"]["callback_url"][0]


def test_an_unusable_list_stops_the_service(database: ExecutionsDatabase, amqp_url: str) -> None:
    config = ApiConfig(
        database_url=database.url,
        amqp_url=amqp_url,
        session_api_url="http://s",
        callback_allowed_hosts="http://h",
    )
    with pytest.raises(ConfigError, match="CALLBACK_ALLOWED_HOSTS"):
        create_api(config)


def test_the_callback_is_part_of_what_an_idempotency_key_stands_for(
    caller: FlaskClient, sessions: SessionApiStub
) -> None:
    path, headers = f"/code-sessions/{sessions.add()}/run", {"Idempotency-Key": "once"}
    first = caller.post(path, json={"callback_url": URL}, headers=headers)
    again = caller.post(path, json={"callback_url": URL}, headers=headers)
    assert first.get_json() == again.get_json()
    other = caller.post(path, json={"callback_url": f"{URL}2"}, headers=headers)
    assert other.status_code == caller.post(path, headers=headers).status_code == 422


def asked_for(amqp_url: str) -> CallbackRequested:
    """What the queue of callbacks holds."""
    [(properties, body)] = vhosts.take(amqp_url, topology.CALLBACKS_QUEUE, 1)
    message = messages.decode(properties.type, body)
    assert isinstance(message, CallbackRequested)
    return message


def test_cancelling_a_queued_run_asks_for_its_callback(
    caller: FlaskClient, sessions: SessionApiStub, database: ExecutionsDatabase, amqp_url: str
) -> None:
    execution_id = run(caller, sessions, URL)
    assert caller.post(f"/executions/{execution_id}/cancel").status_code == 202
    row = database.callback(execution_id)
    assert row is not None
    assert (row["status"], row["url"], row["attempts"]) == ("PENDING", URL, 0)
    assert asked_for(amqp_url) == CallbackRequested(execution_id, 1)


def test_cancelling_after_requeueing_asks_once_more(
    caller: FlaskClient, sessions: SessionApiStub, database: ExecutionsDatabase, amqp_url: str
) -> None:
    execution_id = run(caller, sessions, URL)
    database.run(
        "INSERT INTO callbacks (execution_id, url, status, attempts) "
        "SELECT id, callback_url, 'DELIVERED', 2 FROM executions"
    )
    caller.post(f"/executions/{execution_id}/cancel")
    row = database.callback(execution_id)
    assert row is not None
    assert (row["status"], row["attempts"], row["first_attempt"]) == ("PENDING", 2, 3)
    assert asked_for(amqp_url) == CallbackRequested(execution_id, 3)


def test_cancelling_what_runs_or_has_no_callback_asks_for_none(
    caller: FlaskClient, sessions: SessionApiStub, database: ExecutionsDatabase
) -> None:
    running = run(caller, sessions, URL)
    database.run("UPDATE executions SET status = 'RUNNING', attempts = 1")
    quiet = database.add().execution_id
    for execution_id in (running, quiet):
        assert caller.post(f"/executions/{execution_id}/cancel").status_code == 202
        assert database.callback(execution_id) is None


def test_attempts_at_a_callback_are_no_attempts_of_the_execution(
    client: FlaskClient, database: ExecutionsDatabase
) -> None:
    failed = database.add_failed(attempts=4)
    letter_id = database.add_dead_letter(failed.execution_id, attempts=4)
    database.run(
        "INSERT INTO execution_events (execution_id, type, at, attempt) "
        "SELECT id, 'callback_failed', now(), 6 FROM executions"
    )
    assert client.post(f"/dead-letters/{letter_id}/requeue").status_code == 202
    assert database.execution(failed.execution_id)["attempts"] == 4


def test_the_lifecycle_shows_attempts_at_the_callback(
    client: FlaskClient, database: ExecutionsDatabase
) -> None:
    execution_id = database.add().execution_id
    database.run(
        "INSERT INTO execution_events (execution_id, type, at, attempt, detail) "
        "SELECT id, 'callback_failed', now(), 1, 'The receiver answered 500.' FROM executions"
    )
    last = client.get(f"/executions/{execution_id}/events").get_json()["events"][-1]
    assert (last["type"], last["attempt"]) == ("callback_failed", 1)
    assert last["detail"] == "The receiver answered 500."
