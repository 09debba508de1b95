"""Every call of both clients: what is sent, and what the answer becomes."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from runlet_client import (
    AsyncRunlet,
    CompileResult,
    ExecutionState,
    Feedback,
    File,
    Runlet,
    Status,
    UnexpectedAnswerError,
)
from support.http.client_api import SESSION, TIME, URL, Caller, FakeApi, accepted, execution, ok

NOON = datetime(2025, 1, 31, 12, tzinfo=UTC)
LANGUAGE = {
    "id": "python",
    "name": "Python",
    "runtime": "CPython",
    "version": "3.11",
    "file_name": "main.py",
    "default_time_limit_ms": 5000,
    "default_memory_mb": 256,
}
LETTER = {"id": "d1", "execution_id": None, "reason": "odd", "attempts": 4, "at": TIME}


def test_languages_are_listed(caller: Caller, api: FakeApi) -> None:
    api.on("GET /languages", ok({"total": 1, "languages": [LANGUAGE]}))

    (language,) = caller.call("languages")

    assert (language.id, language.file_name, language.template_code) == ("python", "main.py", None)


def test_one_language_comes_with_its_template(caller: Caller, api: FakeApi) -> None:
    api.on("GET /languages/c%2B%2B", ok({**LANGUAGE, "template_code": "x"}))

    assert caller.call("language", "c++").template_code == "x"


def test_a_session_is_created_with_what_was_given_and_no_more(caller: Caller, api: FakeApi) -> None:
    api.on("POST /code-sessions", ok(SESSION, 201))

    session = caller.call("create_session", "python", user_id=7)

    assert api.body("POST /code-sessions") == {"language": "python", "user_id": 7}
    assert (session.session_id, session.revision, session.created_at) == ("s1", 1, NOON)


def test_saving_without_a_revision_takes_what_is_there(caller: Caller, api: FakeApi) -> None:
    saved = {"session_id": "s1", "status": "ACTIVE", "revision": 2, "updated_at": TIME}
    api.on("PATCH /code-sessions/s1", ok(saved))

    assert caller.call("save_session", "s1", source_code="").revision == 2

    assert api.body("PATCH /code-sessions/s1") == {"source_code": ""}
    assert "if-match" not in api.requests[0].headers


def test_saving_with_a_revision_sends_it(caller: Caller, api: FakeApi) -> None:
    saved = {"session_id": "s1", "status": "ACTIVE", "revision": 4, "updated_at": TIME}
    api.on("PATCH /code-sessions/s1", ok(saved))

    caller.call("save_session", "s1", language="c", revision=3)

    assert api.requests[0].headers["If-Match"] == '"3"'


@pytest.mark.parametrize("user_id", ["seven", 7, None])
def test_a_session_is_read_whole(caller: Caller, api: FakeApi, user_id: str | int | None) -> None:
    whole = {**SESSION, "language_name": "Python", "user_id": user_id, "new_field": 1}
    api.on("GET /code-sessions/s1", ok(whole))

    session = caller.call("get_session", "s1")

    assert (session.language_name, session.user_id) == ("Python", user_id)


def test_sessions_are_iterated_over_all_pages(caller: Caller, api: FakeApi) -> None:
    api.on(
        "GET /code-sessions",
        ok({"sessions": [SESSION, {**SESSION, "session_id": "s2"}], "next_cursor": "c"}),
        ok({"sessions": [{**SESSION, "session_id": "s3"}], "next_cursor": None}),
    )

    found = caller.items("sessions", user_id=5, limit=2)

    assert [session.session_id for session in found] == ["s1", "s2", "s3"]
    assert [dict(request.url.params) for request in api.requests] == [
        {"user_id": "5", "limit": "2"},
        {"user_id": "5", "limit": "2", "cursor": "c"},
    ]


def test_one_page_of_sessions_tells_where_the_next_begins(caller: Caller, api: FakeApi) -> None:
    api.on("GET /code-sessions", ok({"sessions": [SESSION], "next_cursor": "c"}))

    page = caller.call("list_sessions", cursor="b")

    assert (len(page.items), page.next_cursor) == (1, "c")


def test_a_session_is_closed(caller: Caller, api: FakeApi) -> None:
    api.on("PATCH /code-sessions/s1/close", ok({"session_id": "s1", "status": "INACTIVE"}))

    caller.call("close_session", "s1")

    assert len(api.requests) == 1


def test_a_run_sends_every_option(caller: Caller, api: FakeApi) -> None:
    api.on("POST /code-sessions/s1/run", accepted())

    started = caller.call(
        "run",
        "s1",
        source_code="x",
        stdin="in",
        args=["a", "-b"],
        files=[File("d/t.txt", "text"), File("b.bin", b"\xff")],
        time_limit_ms=100,
        memory_limit_mb=32,
        callback_url="http://hook.test/",
        idempotency_key="key-1",
    )

    assert started == ExecutionState("e1", Status.QUEUED)
    assert api.requests[0].headers["Idempotency-Key"] == "key-1"
    assert api.body("POST /code-sessions/s1/run") == {
        "source_code": "x",
        "stdin": "in",
        "args": ["a", "-b"],
        "files": [
            {"name": "d/t.txt", "content": "text"},
            {"name": "b.bin", "content": base64.b64encode(b"\xff").decode(), "encoding": "base64"},
        ],
        "time_limit_ms": 100,
        "memory_limit_mb": 32,
        "callback_url": "http://hook.test/",
    }


def test_every_run_has_a_key_of_its_own(caller: Caller, api: FakeApi) -> None:
    api.on("POST /code-sessions/s1/run", accepted(), accepted())

    caller.call("run", "s1")
    caller.call("run", "s1")

    first, second = (request.headers["Idempotency-Key"] for request in api.requests)
    assert first != second


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 129, "a\n"])
def test_a_key_that_no_header_can_carry_is_refused(caller: Caller, key: str) -> None:
    with pytest.raises(ValueError, match="visible ASCII"):
        caller.call("run", "s1", idempotency_key=key)


def test_source_that_is_no_unicode_is_left_to_the_server_to_refuse(
    caller: Caller, api: FakeApi
) -> None:
    api.on("POST /code-sessions", ok(SESSION, 201))

    caller.call("create_session", "python", source_code="\udcff")

    assert json.loads(api.requests[0].content)["source_code"] == "\udcff"


def test_an_execution_is_read_whole(caller: Caller, api: FakeApi) -> None:
    whole = execution(
        "FAILED",
        reason="compile_error",
        compile={"exit_code": 1, "stdout": "", "stderr": "no", "time_ms": 5},
        feedback=[{"kind": "compile_error", "line": None, "message": "m"}],
        finished_at=TIME,
        stdout=None,
    )
    api.on("GET /executions/e1", ok(whole))

    read = caller.call("get_execution", "e1")

    assert (read.status, read.status.is_over, read.stdout) == (Status.FAILED, True, "")
    assert read.compile == CompileResult(stderr="no", exit_code=1, time_ms=5)
    assert read.feedback == (Feedback("compile_error", "m"),)
    assert (read.limits.scratch_mb, read.finished_at) == (64, NOON)


@pytest.mark.usefixtures("no_pauses")
def test_waiting_asks_until_the_end(caller: Caller, api: FakeApi) -> None:
    api.on("GET /executions/e1", ok(execution("RUNNING")), ok(execution()))

    assert caller.call("wait", "e1").status == Status.COMPLETED

    assert [request.url.params["wait"] for request in api.requests] == ["30.000", "30.000"]


def test_the_client_waits_longer_than_the_server(caller: Caller, api: FakeApi) -> None:
    api.on("GET /executions/e1", ok(execution()))

    caller.call("wait", "e1")

    assert api.requests[0].extensions["timeout"]["read"] > 30


def test_events_are_read_oldest_first(caller: Caller, api: FakeApi) -> None:
    events = [
        {"type": "queued", "at": TIME, "attempt": 1, "detail": None},
        {"type": "started", "at": TIME, "attempt": 1, "detail": "x"},
    ]
    api.on("GET /executions/e1/events", ok({"execution_id": "e1", "events": events}))

    read = caller.call("events", "e1")

    assert [(event.type, event.detail) for event in read] == [("queued", None), ("started", "x")]


def test_cancelling_tells_the_status(caller: Caller, api: FakeApi) -> None:
    api.on("POST /executions/e1/cancel", accepted("RUNNING"))

    assert caller.call("cancel", "e1") == ExecutionState("e1", Status.RUNNING)


def test_executions_are_iterated_over_all_pages(caller: Caller, api: FakeApi) -> None:
    listed = {"execution_id": "e1", "status": "QUEUED", "created_at": TIME, "exit_code": None}
    api.on(
        "GET /code-sessions/s1/executions",
        ok({"session_id": "s1", "executions": [listed], "next_cursor": "c"}),
        ok({"session_id": "s1", "executions": [listed], "next_cursor": None}),
    )

    assert len(caller.items("executions", "s1")) == 2


def test_dead_letters_are_iterated_requeued_and_deleted(caller: Caller, api: FakeApi) -> None:
    api.on("GET /dead-letters", ok({"dead_letters": [LETTER], "next_cursor": None}))
    api.on("POST /dead-letters/d1/requeue", accepted())
    api.on("DELETE /dead-letters/d1", httpx.Response(204))

    (letter,) = caller.items("dead_letters")

    assert (letter.id, letter.execution_id, letter.attempts) == ("d1", None, 4)
    assert caller.call("requeue_dead_letter", "d1") == ExecutionState("e1", Status.QUEUED)
    assert caller.call("delete_dead_letter", "d1") is None


def test_an_id_cannot_reach_another_path(caller: Caller, api: FakeApi) -> None:
    api.on("GET /executions/..%2Fdead-letters%3Fa", ok(execution()))

    caller.call("get_execution", "../dead-letters?a")

    assert len(api.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>"),
        httpx.Response(200),
        ok([]),
        ok({}),
        ok({**execution(), "status": "ODD"}),
        ok({**execution(), "attempts": "1"}),
        ok({**execution(), "attempts": True}),
        ok({**execution(), "created_at": 5}),
        ok({**execution(), "feedback": {}}),
        ok({**execution(), "limits": {}}),
    ],
)
def test_an_answer_that_is_none_is_told_as_such(
    caller: Caller, api: FakeApi, answer: httpx.Response
) -> None:
    api.on("GET /executions/e1", answer)

    with pytest.raises(UnexpectedAnswerError, match=r"[Cc]heck"):
        caller.call("get_execution", "e1")


@pytest.mark.parametrize("make", [Runlet, AsyncRunlet])
@pytest.mark.parametrize("url", ["runlet", "ftp://x", "http://", "http://a:b", "/api"])
def test_what_is_no_address_is_refused_at_once(make: Any, url: str) -> None:
    with pytest.raises(ValueError, match="no address"):
        make(url)


def test_address_and_token_come_from_the_environment(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNLET_URL", "http://else.test/api/v1/")
    monkeypatch.setenv("RUNLET_TOKEN", " secret\n")
    api.on("GET /api/v1/languages", ok({"languages": []}))

    with Runlet(transport=api.transport) as client:
        client.languages()

    assert api.requests[0].url.host == "else.test"
    assert api.requests[0].headers["Authorization"] == "Bearer secret"


def test_without_a_token_none_is_sent(caller: Caller, api: FakeApi) -> None:
    api.on("GET /languages", ok({"languages": []}))

    caller.call("languages")

    assert "authorization" not in api.requests[0].headers
    assert str(api.requests[0].url) == f"{URL}/languages"


def test_both_clients_have_the_same_methods() -> None:
    def methods(client: type) -> set[str]:
        return {name for name in vars(client) if not name.startswith("_")}

    assert methods(Runlet) == methods(AsyncRunlet)


def test_methods_explain_themselves() -> None:
    assert "idempotency_key" in (Runlet.run.__doc__ or "")
    assert Runlet.run.__doc__ == AsyncRunlet.run.__doc__
