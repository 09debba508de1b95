"""Reading executions, their lifecycle and their lists."""

from datetime import datetime
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from runlet.execution import CompileResult, Reason
from support.databases.event_factory import finished, started
from support.databases.executions import ExecutionsDatabase, run_requested
from support.databases.stores import store
from support.http.session_api_stub import SessionApiStub

WHOLE = {
    "execution_id",
    "session_id",
    "language",
    "status",
    "reason",
    "stdout",
    "stderr",
    "stdout_truncated",
    "stderr_truncated",
    "exit_code",
    "signal",
    "execution_time_ms",
    "cpu_time_ms",
    "memory_peak_kb",
    "compile",
    "feedback",
    "attempts",
    "limits",
    "created_at",
    "queued_at",
    "started_at",
    "finished_at",
}
KNOWN_FROM_THE_START = {
    "execution_id",
    "session_id",
    "language",
    "status",
    "attempts",
    "limits",
    "created_at",
    "queued_at",
}


def test_an_execution_that_is_not_over_has_no_result(
    client: FlaskClient, database: ExecutionsDatabase
) -> None:
    request = database.add()
    execution = client.get(f"/executions/{request.execution_id}").get_json()
    assert set(execution) == WHOLE
    assert {name for name, value in execution.items() if value is not None} == KNOWN_FROM_THE_START
    assert (execution["status"], execution["attempts"]) == ("QUEUED", 0)
    assert execution["limits"] == {
        "time_limit_ms": 5000,
        "memory_limit_mb": 256,
        "output_limit_bytes": 1048576,
        "processes": 64,
        "scratch_mb": 64,
    }
    assert datetime.fromisoformat(execution["queued_at"]) == request.queued_at


def test_an_execution_that_is_over_is_shown_whole(
    client: FlaskClient, database: ExecutionsDatabase
) -> None:
    request = database.add()
    end = finished(
        request,
        reason=Reason.COMPILE_ERROR,
        stderr="ü\ufffd",
        stdout_truncated=True,
        exit_code=1,
        compile=CompileResult(1, "", "error: expected ;", 80),
    )
    store(database, started(request), end)
    execution = client.get(f"/executions/{request.execution_id}").get_json()
    assert (execution["status"], execution["reason"]) == ("FAILED", "compile_error")
    assert (execution["stdout"], execution["stderr"]) == ("", "ü\ufffd")
    assert (execution["stdout_truncated"], execution["stderr_truncated"]) == (True, False)
    assert execution["compile"] == {
        "exit_code": 1,
        "stdout": "",
        "stderr": "error: expected ;",
        "time_ms": 80,
    }
    assert (execution["feedback"], execution["attempts"]) == ([], 1)
    assert datetime.fromisoformat(execution["finished_at"]) == end.finished_at


def test_the_lifecycle_is_told_oldest_first(
    client: FlaskClient, database: ExecutionsDatabase
) -> None:
    request = database.add()
    store(database, started(request), finished(request, reason=Reason.TIME_LIMIT))
    told = client.get(f"/executions/{request.execution_id}/events").get_json()
    assert told["execution_id"] == str(request.execution_id)
    assert [event["type"] for event in told["events"]] == ["queued", "started", "finished"]
    assert [event["attempt"] for event in told["events"]] == [1, 1, 1]
    assert told["events"][2]["detail"] == "TIMEOUT time_limit"
    assert datetime.fromisoformat(told["events"][0]["at"]) == request.queued_at


@pytest.mark.parametrize(
    "path", ["/executions/{}", "/executions/{}?wait=9", "/executions/{}/events"]
)
@pytest.mark.parametrize(
    "unknown",
    [
        str(uuid4()),
        uuid4().hex,
        "17",
        "%00",
        "é",
        "a" * 300,
        f"urn:uuid:{uuid4()}",
        f"{{{uuid4()}}}",
    ],
)
def test_an_unknown_execution_is_not_found(client: FlaskClient, path: str, unknown: str) -> None:
    missing = client.get(path.format(unknown))
    assert missing.status_code == 404
    assert missing.content_type == "application/problem+json"


def test_an_id_may_be_in_capitals(client: FlaskClient, database: ExecutionsDatabase) -> None:
    execution_id = str(database.add().execution_id)
    shown = client.get(f"/executions/{execution_id.upper()}")
    assert shown.get_json()["execution_id"] == execution_id


def test_a_session_without_executions_has_an_empty_list(
    client: FlaskClient, sessions: SessionApiStub
) -> None:
    session_id = str(sessions.add())
    listed = client.get(f"/code-sessions/{session_id}/executions")
    assert listed.status_code == 200
    assert listed.get_json() == {"session_id": session_id, "executions": [], "next_cursor": None}


def test_the_executions_of_an_unknown_session_are_not_found(client: FlaskClient) -> None:
    assert client.get(f"/code-sessions/{uuid4()}/executions").status_code == 404


def test_a_list_with_something_in_it_needs_no_session_api(
    client: FlaskClient, sessions: SessionApiStub, database: ExecutionsDatabase
) -> None:
    ran, idle = database.add().session_id, sessions.add()
    sessions.close()
    assert client.get(f"/code-sessions/{ran}/executions").status_code == 200
    assert client.get(f"/code-sessions/{idle}/executions").status_code == 503


def test_what_is_no_session_id_is_not_found(client: FlaskClient) -> None:
    assert client.get("/code-sessions/17/executions").status_code == 404


def test_pages_lead_through_all_executions_newest_first(
    client: FlaskClient, database: ExecutionsDatabase
) -> None:
    session_id = uuid4()
    made = []
    for _ in range(7):
        request = database.add(run_requested(session_id))
        store(database, finished(request))
        made.append(str(request.execution_id))
    # Two of the same moment, across the border of two pages.
    database.run(
        "UPDATE executions SET created_at = now() WHERE created_at > "
        "(SELECT created_at FROM executions ORDER BY created_at OFFSET 2 LIMIT 1)"
    )
    database.add()

    seen: list[str] = []
    query: str | None = ""
    while query is not None:
        page = client.get(f"/code-sessions/{session_id}/executions?limit=3{query}").get_json()
        assert len(page["executions"]) <= 3
        seen += [execution["execution_id"] for execution in page["executions"]]
        cursor: str | None = page["next_cursor"]
        query = None if cursor is None else f"&cursor={cursor}"

    assert sorted(seen) == sorted(made)
    assert seen[4:] == made[2::-1]


def test_a_listed_execution_shows_how_it_ended(
    client: FlaskClient, database: ExecutionsDatabase
) -> None:
    request = database.add()
    store(database, finished(request, reason=Reason.NONZERO_EXIT, exit_code=3))
    listed = client.get(f"/code-sessions/{request.session_id}/executions").get_json()
    [shown] = listed["executions"]
    assert datetime.fromisoformat(shown.pop("created_at")) == request.queued_at
    assert shown == {
        "execution_id": str(request.execution_id),
        "status": "FAILED",
        "execution_time_ms": 12,
        "exit_code": 3,
    }


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=ten",
        "limit=",
        "limit=1.5",
        "cursor=",
        "cursor=x",
        "cursor=%00",
        "cursor=MjAyNQ",
        "cursor=é",
        "cursor=MjAyNS0wMS0zMXw2",
    ],
)
def test_a_page_that_makes_no_sense_is_refused(client: FlaskClient, query: str) -> None:
    refused = client.get(f"/code-sessions/{uuid4()}/executions?{query}")
    assert refused.status_code == 422
    assert list(refused.get_json()["errors"]) == [query.partition("=")[0]]
