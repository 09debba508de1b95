"""Every answer of the session API, through the gateway, bare and under /api/v1.

What all calls have in common (401, 405, 414, 431, 503) is in test_contract_everywhere.py.
"""

import pytest

from support.deployments.api_client import Platform, required
from support.http.contract_walk import (
    GIGANTIC,
    HUGE,
    NOT_JSON,
    OPERATIONS,
    PLAIN_TEXT,
    PYTHON,
    TOO_LARGE,
    Row,
    Scene,
    common_answers,
    documented,
)

CREATE = "POST /code-sessions"
LIST = "GET /code-sessions"
READ = "GET /code-sessions/{session_id}"
SAVE = "PATCH /code-sessions/{session_id}"
CLOSE = "PATCH /code-sessions/{session_id}/close"
LANGUAGES = "GET /languages"
LANGUAGE = "GET /languages/{language_id}"

SAVED = frozenset({"session_id", "status", "revision", "updated_at"})
SESSION = SAVED | {"language", "source_code", "created_at"}
WHOLE_SESSION = SESSION | {
    *("language_id", "language_name", "runtime", "version", "user_id", "problem_id")
}
A_LANGUAGE = frozenset(
    {
        *("id", "name", "runtime", "version", "file_name"),
        *("default_time_limit_ms", "default_memory_mb", "template_code"),
    }
)


def names(*members: str) -> frozenset[str]:
    return frozenset(members)


def body(**members: object) -> dict[str, object]:
    return {"json": members}


def python(_scene: Scene) -> str:
    return "python"


def cobol(_scene: Scene) -> str:
    return "cobol"


def a_session(scene: Scene) -> str:
    return scene.session


def closed_session(scene: Scene) -> str:
    return scene.closed_session


def if_match(revision: str) -> dict[str, object]:
    return {"json": {"source_code": "x"}, "headers": {"If-Match": revision}}


NO_TEXT = {"data": b'{"source_code": "\\ud800"}', "headers": {"Content-Type": "application/json"}}

ROWS = (
    Row(CREATE, 201, request=body(**PYTHON), shows=SESSION),
    Row(CREATE, 201, request=body(language_id="c", user_id=7, problem_id="p"), shows=SESSION),
    Row(CREATE, 400, request=NOT_JSON),
    Row(CREATE, 415),
    Row(CREATE, 413, request=body(**PYTHON, **TOO_LARGE)),
    Row(CREATE, 413, request=body(**PYTHON, **HUGE)),
    Row(CREATE, 413, request=body(**PYTHON, **GIGANTIC)),
    Row(CREATE, 415, request=PLAIN_TEXT),
    Row(CREATE, 422, request=body(), shows=names("language")),
    Row(CREATE, 422, request=body(language="cobol"), shows=names("language")),
    Row(CREATE, 422, request=body(**PYTHON, colour="red"), shows=names("colour")),
    Row(CREATE, 422, request=body(**PYTHON, source_code="\0"), shows=names("source_code")),
    Row(CREATE, 422, request=body(**PYTHON, user_id="x" * 129), shows=names("user_id")),
    Row(LIST, 200, shows=names("sessions", "next_cursor")),
    Row(LIST, 200, query="?user_id=nobody&limit=1", shows=names("sessions", "next_cursor")),
    Row(LIST, 422, query="?limit=0", shows=names("limit")),
    Row(LIST, 422, query="?limit=101", shows=names("limit")),
    Row(LIST, 422, query="?cursor=x", shows=names("cursor")),
    Row(READ, 200, a_session, shows=WHOLE_SESSION),
    Row(READ, 304, Scene.fresh_session, request={"headers": {"If-None-Match": '"1"'}}),
    Row(READ, 404, Scene.unknown),
    Row(READ, 404, Scene.no_uuid),
    Row(SAVE, 200, Scene.fresh_session, request=body(source_code="x"), shows=SAVED),
    Row(SAVE, 200, Scene.fresh_session, request=body(code="x", language="c"), shows=SAVED),
    Row(SAVE, 200, Scene.fresh_session, request=if_match('"1"'), shows=SAVED),
    Row(SAVE, 400, a_session, request=NOT_JSON),
    Row(SAVE, 404, Scene.unknown, request=body(source_code="x")),
    Row(SAVE, 404, Scene.no_uuid, request=body(source_code="x")),
    Row(SAVE, 409, closed_session, request=body(source_code="x")),
    Row(SAVE, 412, a_session, request=if_match('"7"'), shows=names("revision")),
    Row(SAVE, 412, a_session, request=if_match("soon"), shows=names("revision")),
    Row(SAVE, 413, a_session, request=body(**TOO_LARGE)),
    Row(SAVE, 413, a_session, request=body(**HUGE)),
    Row(SAVE, 413, a_session, request=body(**GIGANTIC)),
    Row(SAVE, 415, a_session, request=PLAIN_TEXT),
    Row(SAVE, 422, a_session, request=body(), shows=names("source_code")),
    Row(SAVE, 422, a_session, request=NO_TEXT, shows=names("source_code")),
    Row(SAVE, 422, a_session, request=body(colour=1), shows=names("colour")),
    Row(SAVE, 422, a_session, request=body(language="?"), shows=names("language")),
    Row(CLOSE, 200, Scene.fresh_session, shows=names("session_id", "status")),
    Row(CLOSE, 200, closed_session, shows=names("session_id", "status")),
    Row(CLOSE, 404, Scene.unknown),
    Row(CLOSE, 404, Scene.no_uuid),
    Row(LANGUAGES, 200, shows=names("total", "languages")),
    Row(LANGUAGE, 200, python, shows=A_LANGUAGE),
    Row(LANGUAGE, 404, cobol),
)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_the_session_api_answers_as_the_contract_says(scene: Scene, row: Row) -> None:
    row.check(row.ask(scene))


def test_there_is_a_row_for_every_answer_that_the_session_api_documents() -> None:
    told = documented(Platform(required("RUNLET_TEST_SESSION_API_URL")))

    assert told - common_answers() == {(row.operation, row.status) for row in ROWS}
    assert {operation for operation, _ in told} <= set(OPERATIONS)


def test_links_lead_to_what_was_made_under_the_same_prefix(platform: Platform) -> None:
    created = platform.call("POST", "/code-sessions", json=PYTHON)
    followed = platform.call("GET", f"/code-sessions/{created.json()['session_id']}")

    prefix = "/api/v1" if platform.base_url.endswith("/api/v1") else ""
    location = f"{prefix}/code-sessions/{created.json()['session_id']}"
    assert created.headers["Location"].endswith(location)
    assert created.headers["ETag"] == followed.headers["ETag"] == '"1"'


def test_a_list_is_read_page_by_page_newest_first(platform: Platform) -> None:
    user = Scene(platform).unknown()
    made = [
        platform.call("POST", "/code-sessions", json={**PYTHON, "user_id": user}).json()
        for _ in range(3)
    ]
    first = platform.call("GET", f"/code-sessions?user_id={user}&limit=2").json()
    rest = platform.call(
        "GET", f"/code-sessions?user_id={user}&limit=2&cursor={first['next_cursor']}"
    ).json()

    listed = [session["session_id"] for session in first["sessions"] + rest["sessions"]]
    assert listed == [session["session_id"] for session in reversed(made)]
    assert set(first["sessions"][0]) == SESSION
    assert rest["next_cursor"] is None
