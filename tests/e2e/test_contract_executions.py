"""Every answer of the execution API, through the gateway, bare and under /api/v1.

What all calls have in common (401, 405, 414, 431, 503) is in test_contract_everywhere.py, and so is
429.
"""

import pytest

from support.deployments.api_client import Platform, required
from support.http.contract_walk import (
    GIGANTIC,
    HUGE,
    NOT_JSON,
    OPERATIONS,
    PLAIN_TEXT,
    TOO_LARGE,
    Row,
    Scene,
    common_answers,
    documented,
)

RUN = "POST /code-sessions/{session_id}/run"
LIST = "GET /code-sessions/{session_id}/executions"
READ = "GET /executions/{execution_id}"
STREAM = "GET /executions/{execution_id}/stream"
EVENTS = "GET /executions/{execution_id}/events"
CANCEL = "POST /executions/{execution_id}/cancel"
LETTERS = "GET /dead-letters"
REQUEUE = "POST /dead-letters/{letter_id}/requeue"
DELETE = "DELETE /dead-letters/{letter_id}"

STATE = frozenset({"execution_id", "status"})
EXECUTION = STATE | {
    *("session_id", "language", "reason", "stdout", "stderr", "stdout_truncated"),
    *("stderr_truncated", "exit_code", "signal", "execution_time_ms", "cpu_time_ms"),
    *("memory_peak_kb", "compile", "feedback", "attempts", "limits"),
    *("created_at", "queued_at", "started_at", "finished_at"),
}
LISTED = STATE | {"execution_time_ms", "exit_code", "created_at"}


def names(*members: str) -> frozenset[str]:
    return frozenset(members)


def body(**members: object) -> dict[str, object]:
    return {"json": members}


def header(name: str, value: str) -> dict[str, object]:
    return {"headers": {name: value}}


def a_session(scene: Scene) -> str:
    return scene.session


def closed_session(scene: Scene) -> str:
    return scene.closed_session


def session_that_ran(scene: Scene) -> str:
    return scene.session_that_ran


def finished(scene: Scene) -> str:
    return scene.finished


def file(name: str, content: str = "") -> dict[str, object]:
    return body(files=[{"name": name, "content": content}])


ROWS = (
    Row(RUN, 202, Scene.fresh_session, shows=STATE),
    Row(RUN, 202, Scene.fresh_session, request=body(code="print(1)"), shows=STATE),
    Row(RUN, 202, Scene.fresh_session, request=header("Idempotency-Key", "key"), shows=STATE),
    Row(RUN, 400, a_session, request=NOT_JSON),
    Row(RUN, 404, Scene.unknown),
    Row(RUN, 404, Scene.no_uuid),
    Row(RUN, 409, Scene.busy_session, shows=STATE),
    Row(RUN, 409, closed_session),
    Row(RUN, 413, a_session, request=body(**TOO_LARGE)),
    Row(RUN, 413, a_session, request=file("x", "x" * 262_145)),
    Row(RUN, 413, a_session, request=body(stdin="x" * 1_048_577)),
    Row(RUN, 413, a_session, request=body(args=["x" * 65_537])),
    Row(RUN, 413, a_session, request=body(**HUGE)),
    Row(RUN, 413, a_session, request=body(**GIGANTIC)),
    Row(RUN, 415, a_session, request=PLAIN_TEXT),
    Row(RUN, 422, a_session, request=body(colour="red"), shows=names("colour")),
    Row(RUN, 422, a_session, request=body(source_code="\0"), shows=names("source_code")),
    Row(RUN, 422, a_session, request=body(time_limit_ms=99), shows=names("time_limit_ms")),
    Row(RUN, 422, a_session, request=body(time_limit_ms=60_001), shows=names("time_limit_ms")),
    Row(RUN, 422, a_session, request=body(memory_limit_mb=31), shows=names("memory_limit_mb")),
    Row(RUN, 422, a_session, request=body(memory_limit_mb=2049), shows=names("memory_limit_mb")),
    Row(RUN, 422, a_session, request=file("../x"), shows=names("files.0.name")),
    Row(
        RUN,
        422,
        a_session,
        request=body(callback_url="http://10.0.0.1/"),
        shows=names("callback_url"),
    ),
    Row(
        RUN,
        422,
        a_session,
        request=header("Idempotency-Key", "a b"),
        shows=names("Idempotency-Key"),
    ),
    Row(LIST, 200, session_that_ran, shows=names("session_id", "executions", "next_cursor")),
    Row(LIST, 200, Scene.fresh_session, shows=names("session_id", "executions", "next_cursor")),
    Row(LIST, 404, Scene.unknown),
    Row(LIST, 404, Scene.no_uuid),
    Row(LIST, 422, a_session, query="?limit=101", shows=names("limit")),
    Row(LIST, 422, a_session, query="?cursor=x", shows=names("cursor")),
    Row(READ, 200, finished, shows=EXECUTION),
    Row(READ, 200, finished, query="?wait=30", shows=EXECUTION),
    Row(READ, 200, Scene.active, query="?wait=0.1", shows=EXECUTION),
    Row(READ, 404, Scene.unknown),
    Row(READ, 404, Scene.no_uuid),
    Row(READ, 422, finished, query="?wait=31", shows=names("wait")),
    Row(READ, 422, finished, query="?wait=soon", shows=names("wait")),
    Row(STREAM, 200, finished),
    Row(STREAM, 200, finished, request=header("Last-Event-ID", "1-5-0")),
    Row(STREAM, 404, Scene.unknown),
    Row(STREAM, 404, Scene.no_uuid),
    Row(STREAM, 422, finished, request=header("Last-Event-ID", "x"), shows=names("Last-Event-ID")),
    Row(EVENTS, 200, finished, shows=names("execution_id", "events")),
    Row(EVENTS, 404, Scene.unknown),
    Row(EVENTS, 404, Scene.no_uuid),
    Row(CANCEL, 202, Scene.active, shows=STATE),
    Row(CANCEL, 404, Scene.unknown),
    Row(CANCEL, 404, Scene.no_uuid),
    Row(CANCEL, 409, finished, shows=STATE),
    Row(LETTERS, 200, shows=names("dead_letters", "next_cursor")),
    Row(LETTERS, 200, query="?limit=1", shows=names("dead_letters", "next_cursor")),
    Row(LETTERS, 422, query="?limit=0", shows=names("limit")),
    Row(LETTERS, 422, query="?cursor=x", shows=names("cursor")),
    Row(REQUEUE, 202, Scene.letter, shows=STATE),
    Row(REQUEUE, 404, Scene.unknown),
    Row(REQUEUE, 404, Scene.no_uuid),
    Row(REQUEUE, 409, Scene.hopeless_letter),
    Row(DELETE, 204, Scene.hopeless_letter),
    Row(DELETE, 404, Scene.unknown),
    Row(DELETE, 404, Scene.no_uuid),
)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_the_execution_api_answers_as_the_contract_says(scene: Scene, row: Row) -> None:
    try:
        row.check(row.ask(scene))
    finally:
        scene.settle()


def test_there_is_a_row_for_every_answer_that_the_execution_api_documents() -> None:
    told = documented(Platform(required("RUNLET_TEST_EXECUTION_API_URL")))

    assert told - common_answers() == {(row.operation, row.status) for row in ROWS} | {(RUN, 429)}
    assert {operation for operation, _ in told} <= set(OPERATIONS)


def test_what_was_accepted_is_found_at_its_location(scene: Scene) -> None:
    accepted = Row(RUN, 202, Scene.fresh_session).ask(scene)
    execution_id = accepted.json()["execution_id"]

    prefix = "/api/v1" if scene.platform.base_url.endswith("/api/v1") else ""
    assert accepted.json()["status"] == "QUEUED"
    assert accepted.headers["Location"].endswith(f"{prefix}/executions/{execution_id}")
    assert scene.platform.result(execution_id)["stdout"] == "1\n"


def test_the_same_key_again_is_the_same_execution_and_another_body_is_refused(
    scene: Scene,
) -> None:
    session_id = scene.fresh_session()

    def run(source: str) -> Row:
        request = {"json": {"source_code": source}, **header("Idempotency-Key", "again")}
        return Row(RUN, 202, lambda _: session_id, request=request)

    first, again, other = (run(source).ask(scene) for source in ("print(1)", "print(1)", "x"))

    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["execution_id"] == again.json()["execution_id"]
    assert (other.status_code, list(other.json()["errors"])) == (422, ["Idempotency-Key"])


def test_a_list_of_executions_is_read_page_by_page_newest_first(scene: Scene) -> None:
    session_id = scene.fresh_session()
    made = []
    for _ in range(3):
        made.append(scene.platform.start(session_id))
        scene.platform.result(made[-1])
    path = f"/code-sessions/{session_id}/executions?limit=2"
    first = scene.platform.call("GET", path).json()
    rest = scene.platform.call("GET", f"{path}&cursor={first['next_cursor']}").json()

    listed = first["executions"] + rest["executions"]
    assert [entry["execution_id"] for entry in listed] == made[::-1]
    assert set(listed[0]) == LISTED
    assert rest["next_cursor"] is None
