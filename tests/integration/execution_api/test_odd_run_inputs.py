"""Odd inputs are refused in words, never with a 500."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from execution_api import bootstrap
from execution_api.config import ApiConfig
from support.http.session_api_stub import SessionApiStub

JSON = "application/json"

# Every character there is, unpaired surrogates and NUL among them.
TEXTS = st.text(st.characters(exclude_categories=()))
FIELDS = ["source_code", "code", "stdin", "args", "files", "time_limit_ms", "memory_limit_mb"]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
FILES = st.fixed_dictionaries({"name": TEXTS, "content": TEXTS})
VALUES = SCALARS | st.lists(SCALARS | FILES, max_size=3) | st.dictionaries(TEXTS, SCALARS)


class Caller:
    """Asks for a run of a session of its own each time."""

    def __init__(self, app: Flask, sessions: SessionApiStub) -> None:
        self._app = app
        self._sessions = sessions

    def run(self, **request: Any) -> TestResponse:
        """What the API answers."""
        path = f"/code-sessions/{self._sessions.add()}/run"
        return self._app.test_client().post(path, **request)


@pytest.fixture(scope="module")
def caller(database_url: str) -> Iterator[Caller]:
    """A caller of an API that has no broker, which is no matter here."""
    stub = SessionApiStub()
    config = ApiConfig(
        database_url=database_url,
        amqp_url="amqp://127.0.0.1:1/",
        session_api_url=stub.url,
        max_source_bytes=4096,
    )
    yield Caller(bootstrap.create_api(config).app, stub)
    stub.close()


@pytest.mark.parametrize("body", [b"", b"{}", b'{"args": [], "files": [], "stdin": ""}'])
def test_nothing_has_to_be_sent(caller: Caller, body: bytes) -> None:
    assert caller.run(data=body, content_type=JSON).status_code == 202


@pytest.mark.parametrize("content_type", ["", "text/plain", JSON])
def test_no_body_has_no_content_type(caller: Caller, content_type: str) -> None:
    assert caller.run(content_type=content_type).status_code == 202


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"   ", JSON, 400),
        (b"{", JSON, 400),
        (b"{'stdin': ''}", JSON, 400),
        (b"{} {}", JSON, 400),
        (b'{"time_limit_ms": NaN}', JSON, 400),
        (b'{"stdin": "\xff"}', JSON, 400),
        (b'{"time_limit_ms": ' + b"9" * 5000 + b"}", JSON, 400),
        (b"[" * 100_000, JSON, 400),
        (b"null", JSON, 422),
        (b"[]", JSON, 422),
        (b"5", JSON, 422),
        (b'{"\\ud800": 1}', JSON, 422),
        (b'{"\\u0000": 1}', JSON, 422),
        (b"{}", "text/plain", 415),
        (b"{}", "", 415),
        (b"a=b", "application/x-www-form-urlencoded", 415),
        (b'{"stdin": "' + b"x" * 7_000_000 + b'"}', JSON, 413),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_odd_bodies_are_refused_as_problems(
    caller: Caller, body: bytes, content_type: str, status: int
) -> None:
    answer = caller.run(data=body, content_type=content_type)
    problem = answer.get_json()
    assert (answer.status_code, problem["status"]) == (status, status)
    assert answer.content_type == "application/problem+json"
    assert problem["detail"] == problem["error"]


def _file(name: str, content: str = "", **more: str) -> dict[str, Any]:
    return {"files": [{"name": name, "content": content, **more}]}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"source_code": "a", "code": "b"}, "code"),
        ({"source_code": None}, "source_code"),
        ({"source_code": "\0"}, "source_code"),
        ({"stdin": "\ud800"}, "stdin"),
        ({"stdin": 5}, "stdin"),
        ({"args": "abc"}, "args"),
        ({"args": [5]}, "args.0"),
        ({"args": ["\0"]}, "args.0"),
        ({"args": ["x"] * 101}, "args"),
        ({"args": [5] * 100_000}, "args"),
        ({"files": {}}, "files"),
        ({"files": ["x"]}, "files.0"),
        ({"files": [{"name": "x", "content": ""}] * 101}, "files"),
        ({"files": [{"name": "x"}]}, "files.0.content"),
        ({"files": [{"content": ""}]}, "files.0.name"),
        (_file("x", mode="0777"), "files.0.mode"),
        (_file("x", encoding="hex"), "files.0.encoding"),
        (_file("x", "?", encoding="base64"), "files.0.content"),
        (_file("x", "ü", encoding="base64"), "files.0.content"),
        (_file("x", "YQ==\n", encoding="base64"), "files.0.content"),
        (_file(""), "files.0.name"),
        (_file("/etc/passwd"), "files.0.name"),
        (_file("../x"), "files.0.name"),
        (_file("a/../../x"), "files.0.name"),
        (_file("./x"), "files.0.name"),
        (_file("a//b"), "files.0.name"),
        (_file("a/"), "files.0.name"),
        (_file("a\\b"), "files.0.name"),
        (_file("a\0b"), "files.0.name"),
        (_file("ü" * 128), "files.0.name"),
        (_file("main.py"), "files"),
        ({"files": [{"name": "x", "content": ""}] * 2}, "files"),
        ({"files": [{"name": "x/y", "content": ""}, {"name": "x", "content": ""}]}, "files"),
        ({"time_limit_ms": 99}, "time_limit_ms"),
        ({"time_limit_ms": 60_001}, "time_limit_ms"),
        ({"time_limit_ms": "500"}, "time_limit_ms"),
        ({"time_limit_ms": 500.0}, "time_limit_ms"),
        ({"time_limit_ms": True}, "time_limit_ms"),
        ({"time_limit_ms": None}, "time_limit_ms"),
        ({"time_limit_ms": 10**400}, "time_limit_ms"),
        ({"memory_limit_mb": 31}, "memory_limit_mb"),
        ({"memory_limit_mb": 2049}, "memory_limit_mb"),
        ({"callback_url": "http://127.0.0.1/"}, "callback_url"),
        ({"callback_url": None}, "callback_url"),
        ({"colour": "red"}, "colour"),
    ],
    ids=lambda value: repr(value)[:50],
)
def test_what_makes_no_sense_is_named(caller: Caller, body: dict[str, Any], field: str) -> None:
    refused = caller.run(json=body)
    assert refused.status_code == 422, refused.text
    assert list(refused.get_json()["errors"]) == [field]


@pytest.mark.parametrize(
    "body",
    [
        {"source_code": ""},
        {"args": [""] * 100},
        _file("ü" * 127),
        _file("a b/c.d/.hidden"),
        _file("..."),
        _file("x", "", encoding="base64"),
        {"time_limit_ms": 100, "memory_limit_mb": 2048},
    ],
    ids=lambda value: repr(value)[:50],
)
def test_what_is_unusual_but_makes_sense_is_accepted(caller: Caller, body: dict[str, Any]) -> None:
    assert caller.run(json=body).status_code == 202


@given(body=st.dictionaries(TEXTS | st.sampled_from(FIELDS), VALUES, max_size=4))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_no_object_whatsoever_breaks_the_service(caller: Caller, body: dict[str, Any]) -> None:
    assert caller.run(json=body).status_code in (202, 400, 413, 422)


@given(body=st.fixed_dictionaries({"files": st.lists(FILES, max_size=4)}))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_no_files_whatsoever_break_the_service(caller: Caller, body: dict[str, Any]) -> None:
    assert caller.run(json=body).status_code in (202, 413, 422)
