"""Accepting runs."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from execution_api.bootstrap import Api
from runlet import messages
from runlet.messages import RunRequested
from support.broker import vhosts
from support.databases.executions import ExecutionsDatabase
from support.http.session_api_stub import SessionApiStub
from support.parallel import at_once
from support.wait_until import eventually

StartApi = Callable[..., Api]


def taken_request(amqp_url: str, language: str = "python") -> RunRequested:
    """The next request a runner would get."""
    [(properties, body)] = vhosts.take(amqp_url, f"runs.{language}", 1)
    request = messages.decode(properties.type, body)
    assert isinstance(request, RunRequested)
    return request


def test_a_run_is_accepted_stored_and_on_its_way(
    client: FlaskClient, sessions: SessionApiStub, database: ExecutionsDatabase, amqp_url: str
) -> None:
    session_id = sessions.add("print('now')")

    answer = client.post(f"/api/v1/code-sessions/{session_id}/run")

    accepted = answer.get_json()
    assert (answer.status_code, accepted["status"]) == (202, "QUEUED")
    assert answer.headers["Location"] == f"/api/v1/executions/{accepted['execution_id']}"
    request = taken_request(amqp_url)
    assert str(request.execution_id) == accepted["execution_id"]
    assert (request.session_id, request.source_code) == (session_id, "print('now')")
    assert database.events(request.execution_id) == [("queued", 1)]
    eventually(lambda: not database.outbox())


def test_a_request_carries_what_was_asked_for_and_defaults_for_the_rest(
    client: FlaskClient, sessions: SessionApiStub, amqp_url: str
) -> None:
    body = {
        "code": "print('sent')",
        "stdin": "in\n",
        "args": ["a", "ü"],
        "files": [{"name": "data/x.bin", "content": "AAE=", "encoding": "base64"}],
        "time_limit_ms": 700,
    }

    client.post(f"/code-sessions/{sessions.add()}/run", json=body)

    request = taken_request(amqp_url)
    assert (request.source_code, request.stdin) == ("print('sent')", "in\n")
    assert request.args == ("a", "ü")
    assert request.files == (messages.File("data/x.bin", "AAE=", "base64"),)
    assert (request.limits.time_limit_ms, request.limits.memory_limit_mb) == (700, 256)
    assert (request.limits.processes, request.limits.scratch_mb) == (64, 64)
    assert request.attempt == 1


def test_a_trace_goes_on_to_the_session_api_and_to_the_runners(
    client: FlaskClient, sessions: SessionApiStub, amqp_url: str
) -> None:
    trace = "ab" * 16
    headers = {"traceparent": f"00-{trace}-{'cd' * 8}-01"}

    client.post(f"/code-sessions/{sessions.add()}/run", headers=headers)

    [(properties, _body)] = vhosts.take(amqp_url, "runs.python", 1)
    assert sessions.requests[0]["traceparent"].split("-")[1] == trace
    assert properties.headers["traceparent"].split("-")[1] == trace


def test_messages_are_persistent_json_with_type_and_correlation(
    client: FlaskClient, sessions: SessionApiStub, amqp_url: str
) -> None:
    answer = client.post(f"/code-sessions/{sessions.add(language='javascript')}/run")

    [(properties, _body)] = vhosts.take(amqp_url, "runs.javascript", 1)
    assert properties.content_type == "application/json"
    assert properties.type == "run.requested.v1"
    assert properties.delivery_mode == 2
    assert properties.correlation_id == answer.get_json()["execution_id"]
    assert properties.message_id


def test_a_second_run_of_a_session_is_refused_while_one_is_active(
    client: FlaskClient, sessions: SessionApiStub, database: ExecutionsDatabase
) -> None:
    address = f"/code-sessions/{sessions.add()}/run"
    first = client.post(address).get_json()["execution_id"]

    refused = client.post(address)
    assert refused.status_code == 409
    assert refused.get_json()["execution_id"] == first
    assert refused.get_json()["status"] == "QUEUED"

    database.run("UPDATE executions SET status = 'COMPLETED'")
    assert client.post(address).status_code == 202


def test_of_runs_that_come_at_once_one_is_accepted(
    start_api: StartApi, sessions: SessionApiStub, database: ExecutionsDatabase
) -> None:
    app = start_api().app
    for _ in range(5):
        address = f"/code-sessions/{sessions.add()}/run"
        answers = at_once(4, lambda path=address: app.test_client().post(path))  # type: ignore[misc]

        accepted = [answer for answer in answers if answer.status_code == 202]
        refused = [answer for answer in answers if answer.status_code == 409]
        assert (len(accepted), len(refused)) == (1, 3)
        execution_id = accepted[0].get_json()["execution_id"]
        assert {answer.get_json()["execution_id"] for answer in refused} == {execution_id}


def test_a_closed_session_does_not_run(client: FlaskClient, sessions: SessionApiStub) -> None:
    refused = client.post(f"/code-sessions/{sessions.add(status='INACTIVE')}/run")
    assert refused.status_code == 409
    assert "closed" in refused.get_json()["error"]


@pytest.mark.parametrize("unknown", [str(uuid4()), "17", "%00", "é", "{}", "a" * 300, "💥"])
def test_an_unknown_session_is_not_found(client: FlaskClient, unknown: str) -> None:
    assert client.post(f"/code-sessions/{unknown}/run").status_code == 404


def test_a_language_that_is_not_offered_any_more_is_refused(
    start_api: StartApi, sessions: SessionApiStub
) -> None:
    client = start_api(languages="python").app.test_client()
    refused = client.post(f"/code-sessions/{sessions.add(language='javascript')}/run")
    assert refused.status_code == 422
    assert "python" in refused.get_json()["errors"]["language"][0]


def test_a_session_api_that_is_away_is_said_and_when_to_come_back(
    start_api: StartApi, sessions: SessionApiStub, database: ExecutionsDatabase
) -> None:
    client = start_api().app.test_client()
    sessions.close()
    refused = client.post(f"/code-sessions/{uuid4()}/run")
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) > 0
    assert "session API" in refused.get_json()["error"]


@pytest.mark.parametrize(
    "nonsense", [(500, b""), (503, b"{}"), (200, b"{"), (200, b"[]"), (302, b"")]
)
def test_a_session_api_that_answers_nonsense_counts_as_away(
    client: FlaskClient, sessions: SessionApiStub, nonsense: tuple[int, bytes]
) -> None:
    session_id = uuid4()
    sessions.answers[str(session_id)] = nonsense
    assert client.post(f"/code-sessions/{session_id}/run").status_code == 503


def test_one_dropped_connection_to_the_session_api_goes_unnoticed(
    client: FlaskClient, sessions: SessionApiStub
) -> None:
    address = f"/code-sessions/{sessions.add()}/run"
    sessions.drops = 1
    assert client.post(address).status_code == 202


def test_a_full_backlog_is_said_and_when_to_come_back(
    start_api: StartApi, sessions: SessionApiStub, database: ExecutionsDatabase
) -> None:
    database.add()
    database.add()
    client = start_api(max_queue_depth=2).app.test_client()

    refused = client.post(f"/code-sessions/{sessions.add()}/run")

    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) > 0


SMALL = {"max_source_bytes": 1024}


@pytest.mark.parametrize(
    "body",
    [
        {"source_code": "x" * 1025},
        {"code": "ü" * 513},
        {"files": [{"name": "a", "content": "x" * 1000}, {"name": "b", "content": "x" * 25}]},
        {"files": [{"name": "a", "content": "x" * 1000}]},
        {"stdin": "x" * 1_048_577},
    ],
    ids=["source", "bytes, not characters", "files", "files and the session's source", "stdin"],
)
def test_what_is_too_large_is_said(
    start_api: StartApi, sessions: SessionApiStub, body: dict[str, Any]
) -> None:
    client = start_api(**SMALL).app.test_client()
    session_id = sessions.add("#" * 100)
    refused = client.post(f"/code-sessions/{session_id}/run", json=body)
    assert refused.status_code == 413
    assert "Send less" in refused.get_json()["error"]


def test_files_are_measured_as_they_are_on_disk(
    start_api: StartApi, sessions: SessionApiStub
) -> None:
    client = start_api(**SMALL).app.test_client()
    # 1332 characters of base64 are 999 bytes.
    file = {"name": "a", "content": "AAAA" * 333, "encoding": "base64"}
    body = {"files": [file], "code": "x" * 25}
    assert client.post(f"/code-sessions/{sessions.add()}/run", json=body).status_code == 202


@pytest.mark.parametrize("name", ["main.py", "main.py/x"])
def test_a_file_cannot_take_the_place_of_the_program(
    client: FlaskClient, sessions: SessionApiStub, name: str
) -> None:
    body = {"files": [{"name": name, "content": ""}]}
    refused = client.post(f"/code-sessions/{sessions.add()}/run", json=body)
    assert refused.status_code == 422
    assert list(refused.get_json()["errors"]) == ["files"]
    session_id = sessions.add(language="javascript")
    assert client.post(f"/code-sessions/{session_id}/run", json=body).status_code == 202
