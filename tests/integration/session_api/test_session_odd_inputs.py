"""Odd inputs are refused in words, never with a 500."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

Begin = Callable[..., dict[str, Any]]

JSON = "application/json"
MAX_SOURCE_BYTES = 4096

# Every character there is, unpaired surrogates and NUL among them.
TEXTS = st.text(st.characters(exclude_categories=()))
NAMES = TEXTS | st.sampled_from(
    ["language", "language_id", "source_code", "code", "user_id", "problem_id"]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.just("python")
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(TEXTS, SCALARS, max_size=3)

ODD_BODIES: list[tuple[bytes, str, int]] = [
    (b"", JSON, 400),
    (b"", "", 415),
    (b"   ", JSON, 400),
    (b"{", JSON, 400),
    (b"{'language': 'python'}", JSON, 400),
    (b'{"language": "python"} {}', JSON, 400),
    (b'{"language": NaN}', JSON, 400),
    (b'{"language": Infinity}', JSON, 400),
    (b'{"language": "\xff"}', JSON, 400),
    (b'{"user_id": ' + b"9" * 5000 + b"}", JSON, 400),
    (b"[" * 100_000, JSON, 400),
    (b'{"a":' * 100_000, JSON, 400),
    (b"null", JSON, 422),
    (b"[]", JSON, 422),
    (b'"text"', JSON, 422),
    (b"5", JSON, 422),
    (b"{}", JSON, 422),
    (b'{"language": {"a": []}, "code": {}}', JSON, 422),
    (b'{"language": "\\u0000"}', JSON, 422),
    (b'{"language": "\\ud800"}', JSON, 422),
    (b'{"source_code": "\\ud800", "language": "python"}', JSON, 422),
    (b'{"source_code": "\\u0000", "language": "python"}', JSON, 422),
    (b'{"\\ud800": 1, "language": "python"}', JSON, 422),
    (b'{"\\u0000": 1, "language": "python"}', JSON, 422),
    (b'{"": 1, "language": "python"}', JSON, 422),
    (b'{"_schema": 1, "language": "python"}', JSON, 422),
    (b'{"language": "cobol"}', JSON, 422),
    (b'{"language": "' + b"x" * 100_000 + b'"}', JSON, 422),
    (b'{"language": "python", "user_id": 1e400}', JSON, 422),
    (b'{"language": "python"}', "text/plain", 415),
    (b'{"language": "python"}', "", 415),
    (b"language=python", "application/x-www-form-urlencoded", 415),
    (b"--x\r\n\r\n--x--", "multipart/form-data; boundary=x", 415),
    (b'{"source_code": "' + b"x" * 7_000_000 + b'"}', JSON, 413),
]


@pytest.mark.parametrize(("body", "content_type", "status"), ODD_BODIES)
def test_odd_bodies_are_refused_as_problems(
    client: FlaskClient, begin: Begin, body: bytes, content_type: str, status: int
) -> None:
    address = f"/code-sessions/{begin()['session_id']}"
    for response in (
        client.post("/code-sessions", data=body, content_type=content_type),
        client.patch(address, data=body, content_type=content_type),
    ):
        problem = response.get_json()
        assert (response.status_code, problem["status"]) == (status, status)
        assert response.content_type == "application/problem+json"
        assert problem["detail"] == problem["error"]
        assert ("errors" in problem) == (status == 422)
    assert client.get(address).get_json()["revision"] == 1


@given(body=st.dictionaries(NAMES, VALUES, max_size=4))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_no_object_whatsoever_breaks_the_service(app: Flask, body: dict[str, Any]) -> None:
    client = app.test_client()
    created = client.post("/code-sessions", json={"language": "python"})
    answers = (
        client.post("/code-sessions", json=body),
        client.patch(created.headers["Location"], json=body),
    )
    assert {answer.status_code for answer in answers} <= {200, 201, 400, 413, 422}


def test_an_unknown_field_is_named(client: FlaskClient) -> None:
    refused = client.post("/code-sessions", json={"language": "python", "sauce_code": ""})
    assert list(refused.get_json()["errors"]) == ["sauce_code"]


def test_a_json_content_type_may_have_a_charset(client: FlaskClient) -> None:
    body = json.dumps({"language": "python"})
    response = client.post("/code-sessions", data=body, content_type=f"{JSON}; charset=utf-8")
    assert response.status_code == 201


@pytest.mark.parametrize("letter", ["x", "ü", "🐍"])
def test_a_program_is_measured_in_bytes_of_utf8(
    client: FlaskClient, begin: Begin, letter: str
) -> None:
    fits = letter * (MAX_SOURCE_BYTES // len(letter.encode()))
    address = f"/code-sessions/{begin(source_code=fits)['session_id']}"
    assert client.patch(address, json={"code": fits}).status_code == 200
    too_large = {"source_code": fits + letter}
    for refused in (
        client.post("/code-sessions", json={"language": "python", **too_large}),
        client.patch(address, json=too_large),
    ):
        assert refused.status_code == 413
        assert str(MAX_SOURCE_BYTES) in refused.get_json()["error"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "TRACE", "BREW"])
def test_other_methods_are_refused_as_problems(client: FlaskClient, method: str) -> None:
    refused = client.open("/code-sessions", method=method)
    assert refused.status_code == 405
    assert refused.content_type == "application/problem+json"
    assert "POST" in refused.headers["Allow"]


@pytest.mark.parametrize("path", ["/nothing", "/api/v1", "/api/v2/languages", "/code-sessions/a/b"])
def test_other_addresses_are_not_found(client: FlaskClient, path: str) -> None:
    missing = client.get(path)
    assert missing.status_code == 404
    assert missing.content_type == "application/problem+json"


@pytest.mark.parametrize("body", [b"", b"{", b"null", b'{"anything": 1}'])
def test_closing_reads_no_body(client: FlaskClient, begin: Begin, body: bytes) -> None:
    address = f"/code-sessions/{begin()['session_id']}/close"
    assert client.patch(address, data=body, content_type="text/plain").status_code == 200
