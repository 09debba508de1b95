"""A session from its beginning to its close."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from structlog import wrap_logger
from structlog.testing import LogCapture

from runlet.languages import JAVASCRIPT, PYTHON

Begin = Callable[..., dict[str, Any]]

SESSION_FIELDS = {
    "session_id",
    "status",
    "language",
    "source_code",
    "revision",
    "created_at",
    "updated_at",
}
WHOLE_FIELDS = SESSION_FIELDS | {
    "language_id",
    "language_name",
    "runtime",
    "version",
    "user_id",
    "problem_id",
}


def path_of(session: dict[str, Any]) -> str:
    """Where the session is found."""
    return f"/code-sessions/{session['session_id']}"


def test_a_session_starts_as_the_template_of_its_language(begin: Begin) -> None:
    session = begin(language="javascript")
    assert set(session) == SESSION_FIELDS
    assert UUID(session["session_id"])
    assert (session["status"], session["revision"]) == ("ACTIVE", 1)
    assert (session["language"], session["source_code"]) == ("javascript", JAVASCRIPT.template)
    assert datetime.fromisoformat(session["created_at"]).utcoffset() is not None
    assert session["created_at"] == session["updated_at"]


@pytest.mark.parametrize("program", ["", "print('ü🐍')\r\n\tx\n"])
def test_a_session_may_start_with_another_program(begin: Begin, program: str) -> None:
    assert begin(source_code=program)["source_code"] == program


def test_the_language_may_be_called_language_id(client: FlaskClient) -> None:
    response = client.post("/code-sessions", json={"language_id": "python"})
    assert response.get_json()["language"] == "python"


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
def test_the_location_leads_to_the_session_under_the_same_prefix(
    client: FlaskClient, prefix: str
) -> None:
    created = client.post(f"{prefix}/code-sessions", json={"language": "python"})
    session_id = created.get_json()["session_id"]
    assert created.headers["Location"] == f"{prefix}/code-sessions/{session_id}"
    assert client.get(created.headers["Location"]).get_json()["session_id"] == session_id


def test_a_session_is_read_whole(client: FlaskClient, begin: Begin) -> None:
    session = begin(user_id="ada", problem_id=7)
    whole = client.get(path_of(session)).get_json()
    assert set(whole) == WHOLE_FIELDS
    assert session.items() <= whole.items()
    assert (whole["language_id"], whole["language_name"]) == ("python", "Python")
    assert (whole["runtime"], whole["version"]) == (PYTHON.runtime, PYTHON.version)
    assert (whole["user_id"], whole["problem_id"]) == ("ada", 7)


@pytest.mark.parametrize("value", [5, "5", -1, 10**127, "", "ü🐍" * 60, '"quoted"', "null", None])
def test_opaque_ids_come_back_as_they_were_given(
    client: FlaskClient, begin: Begin, value: str | int | None
) -> None:
    whole = client.get(path_of(begin(user_id=value, problem_id=value))).get_json()
    assert whole["user_id"] == value
    assert type(whole["problem_id"]) is type(value)


@pytest.mark.parametrize("name", ["source_code", "code"])
def test_an_autosave_replaces_the_program_and_counts_the_revision(
    client: FlaskClient, begin: Begin, name: str
) -> None:
    session = begin()
    saved = client.patch(path_of(session), json={name: "print(1)"})
    assert saved.status_code == 200
    assert set(saved.get_json()) == {"session_id", "status", "revision", "updated_at"}
    assert saved.get_json()["revision"] == 2
    whole = client.get(path_of(session)).get_json()
    assert (whole["source_code"], whole["revision"]) == ("print(1)", 2)
    assert whole["updated_at"] == saved.get_json()["updated_at"] > session["updated_at"]
    assert whole["created_at"] == session["created_at"]


def test_changing_the_language_keeps_the_program(client: FlaskClient, begin: Begin) -> None:
    session = begin(source_code="x")
    assert client.patch(path_of(session), json={"language": "javascript"}).status_code == 200
    whole = client.get(path_of(session)).get_json()
    assert (whole["language"], whole["language_name"]) == ("javascript", "JavaScript")
    assert (whole["source_code"], whole["revision"]) == ("x", 2)


def test_a_closed_session_is_read_but_not_saved(client: FlaskClient, begin: Begin) -> None:
    session = begin()
    closed = client.patch(f"{path_of(session)}/close")
    assert closed.status_code == 200
    assert closed.get_json() == {"session_id": session["session_id"], "status": "INACTIVE"}
    refused = client.patch(path_of(session), json={"code": "late"})
    assert refused.status_code == 409
    assert "closed" in refused.get_json()["error"]
    whole = client.get(path_of(session)).get_json()
    assert (whole["status"], whole["revision"]) == ("INACTIVE", 1)
    assert whole["source_code"] == session["source_code"]


def test_closing_twice_is_fine(client: FlaskClient, begin: Begin) -> None:
    address = f"{path_of(begin())}/close"
    assert client.patch(address).get_json() == client.patch(address).get_json()


@pytest.mark.parametrize(
    "session_id",
    [str(uuid4()), "1", "nobody", "{6d3c1f0e-0b60-4f0e-9f3e-2f9d1c1f7a55}", "%00", "%ff", "٣" * 32],
)
def test_an_unknown_id_is_not_found(client: FlaskClient, session_id: str) -> None:
    address = f"/code-sessions/{session_id}"
    for response in (
        client.get(address),
        client.patch(address, json={"code": "x"}),
        client.patch(address, json={"code": "x"}, headers={"If-Match": '"1"'}),
        client.patch(f"{address}/close"),
    ):
        assert response.status_code == 404
        assert response.content_type == "application/problem+json"


def test_an_id_in_capitals_is_the_same_id(client: FlaskClient, begin: Begin) -> None:
    address = f"/code-sessions/{begin()['session_id'].upper()}"
    assert client.get(address).status_code == 200


def test_beginning_and_closing_are_logged_once_and_without_the_program(
    client: FlaskClient, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = LogCapture()
    monkeypatch.setattr("session_api.sessions.routes.log", wrap_logger(None, processors=[lines]))
    session = begin(source_code="a secret idea")
    for _ in range(2):
        client.patch(f"{path_of(session)}/close")
    assert [line["event"] for line in lines.entries] == ["session_created", "session_closed"]
    assert {line["session_id"] for line in lines.entries} == {session["session_id"]}
    assert "secret" not in str(lines.entries)
