"""Calls with an Idempotency-Key."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from execution_api.bootstrap import Api
from support.broker import vhosts
from support.databases.executions import ExecutionsDatabase
from support.http.session_api_stub import SessionApiStub
from support.parallel import at_once
from support.wait_until import eventually

StartApi = Callable[..., Api]

KEY = {"Idempotency-Key": "submission-17"}


def test_the_same_key_gives_the_same_execution_with_its_status(
    client: FlaskClient, sessions: SessionApiStub, database: ExecutionsDatabase
) -> None:
    address = f"/code-sessions/{sessions.add()}/run"
    first = client.post(address, headers=KEY).get_json()

    again = client.post(address, headers=KEY)
    assert (again.status_code, again.get_json()) == (202, first)
    assert again.headers["Location"].endswith(first["execution_id"])

    database.run("UPDATE executions SET status = 'TIMEOUT'")
    ended = client.post(address, headers=KEY)
    assert ended.status_code == 202
    assert ended.get_json() == {**first, "status": "TIMEOUT"}


def test_a_known_key_is_answered_though_the_session_cannot_be_read(
    client: FlaskClient, sessions: SessionApiStub
) -> None:
    session_id = sessions.add()
    first = client.post(f"/code-sessions/{session_id}/run", headers=KEY)
    del sessions.answers[str(session_id)]
    again = client.post(f"/code-sessions/{session_id}/run", headers=KEY)
    assert again.get_json() == first.get_json()
    sessions.close()
    without = client.post(f"/code-sessions/{session_id}/run", headers=KEY)
    assert without.get_json() == first.get_json()


def test_a_known_key_is_good_while_another_execution_is_active(
    client: FlaskClient, sessions: SessionApiStub, database: ExecutionsDatabase
) -> None:
    address = f"/code-sessions/{sessions.add()}/run"
    first = client.post(address, headers=KEY).get_json()
    database.run("UPDATE executions SET status = 'COMPLETED'")
    assert client.post(address).status_code == 202
    again = client.post(address, headers=KEY)
    assert (again.status_code, again.get_json()["execution_id"]) == (202, first["execution_id"])


def test_calls_with_one_key_that_come_at_once_make_one_execution(
    start_api: StartApi, sessions: SessionApiStub, database: ExecutionsDatabase, amqp_url: str
) -> None:
    app = start_api().app
    client = app.test_client()
    eventually(lambda: client.get("/ready").status_code == 200)
    address = f"/code-sessions/{sessions.add()}/run"

    answers = at_once(4, lambda: app.test_client().post(address, headers=KEY))

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.get_json()["execution_id"] for answer in answers}) == 1
    eventually(lambda: not database.outbox())
    assert vhosts.depth(amqp_url, "runs.python") == 1


def test_the_same_key_with_another_body_is_refused(
    client: FlaskClient, sessions: SessionApiStub
) -> None:
    address = f"/code-sessions/{sessions.add()}/run"
    client.post(address, headers=KEY, json={"stdin": "1"})
    refused = client.post(address, headers=KEY, json={"stdin": "2"})
    assert refused.status_code == 422
    assert list(refused.get_json()["errors"]) == ["Idempotency-Key"]


def test_the_same_body_in_other_words_is_the_same(
    client: FlaskClient, sessions: SessionApiStub
) -> None:
    address = f"/code-sessions/{sessions.add()}/run"
    first = client.post(address, headers=KEY, json={"source_code": "1", "args": []})
    again = client.post(
        address, headers=KEY, data='{"stdin": "", "code":  "1"}', content_type="application/json"
    )
    assert again.get_json() == first.get_json()


def test_keys_belong_to_their_session(client: FlaskClient, sessions: SessionApiStub) -> None:
    addresses = [f"/code-sessions/{sessions.add()}/run" for _ in range(2)]
    made = {client.post(path, headers=KEY).get_json()["execution_id"] for path in addresses}
    assert len(made) == 2


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 129, "schlüssel", "tab\there"])
def test_a_key_is_128_visible_characters_at_most(
    client: FlaskClient, sessions: SessionApiStub, key: str
) -> None:
    refused = client.post(f"/code-sessions/{sessions.add()}/run", headers={"Idempotency-Key": key})
    assert refused.status_code == 422
    assert list(refused.get_json()["errors"]) == ["Idempotency-Key"]
