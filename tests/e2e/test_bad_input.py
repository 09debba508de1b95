from uuid import uuid4

import pytest

from support.deployments.api_client import Platform

MISSING = str(uuid4())


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/code-sessions/{}"),
        ("PATCH", "/code-sessions/{}"),
        ("PATCH", "/code-sessions/{}/close"),
        ("POST", "/code-sessions/{}/run"),
        ("GET", "/executions/{}"),
        ("GET", "/executions/{}/events"),
        ("GET", "/languages/{}"),
    ],
)
@pytest.mark.parametrize("unknown", [MISSING, "17", "%00", "é", "a" * 300])
def test_an_unknown_id_is_404_whatever_it_looks_like(
    platform: Platform, method: str, path: str, unknown: str
) -> None:
    body = {"json": {"source_code": "x"}} if path == "/code-sessions/{}" else {}

    answer = platform.call(method, path.format(unknown), **body)

    assert answer.status_code == 404, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"", 400),
        (b"[" * 100_000, 400),
        (b"\xff\xfe{}", 400),
        (b"[]", 422),
        (b'"text"', 422),
        (b"null", 422),
        (b"{}", 422),
        (b'{"language": "cobol"}', 422),
        (b'{"language": 5}', 422),
        (b'{"language": "python", "colour": "red"}', 422),
        (b'{"language": "python", "user_id": [1]}', 422),
        (b'{"language": "python", "user_id": true}', 422),
        (b'{"language": "python", "source_code": "a\\u0000b"}', 422),
        (b'{"language": "python", "source_code": "\\ud800"}', 422),
        (b'{"language": "python", "source_code": 7}', 422),
        (b'{"language": "python", "source_code": "' + b"x" * 262_145 + b'"}', 413),
        (b'{"language": "python", "source_code": "' + b"x" * 9_000_000 + b'"}', 413),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_session_is_not_created_from_bad_input(
    gateway: Platform, body: bytes, status: int
) -> None:
    answer = gateway.call(
        "POST", "/code-sessions", data=body, headers={"Content-Type": "application/json"}
    )

    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["error"] == answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"time_limit_ms": 99}, 422),
        ({"time_limit_ms": 60_001}, 422),
        ({"time_limit_ms": "soon"}, 422),
        ({"memory_limit_mb": 31}, 422),
        ({"memory_limit_mb": 2049}, 422),
        ({"stdin": 5}, 422),
        ({"args": "a"}, 422),
        ({"files": [{"name": "../x", "content": ""}]}, 422),
        ({"files": [{"name": "/etc/x", "content": ""}]}, 422),
        ({"files": [{"name": "a/../../x", "content": ""}]}, 422),
        ({"files": [{"name": "main.py", "content": ""}]}, 422),
        ({"files": [{"name": "x", "content": "?", "encoding": "base64"}]}, 422),
        ({"files": [{"name": "x", "content": "x" * 262_145}]}, 413),
        ({"source_code": "a\0b"}, 422),
        ({"callback_url": "http://127.0.0.1/"}, 422),
        ({"colour": "red"}, 422),
    ],
    ids=lambda value: repr(value)[:50],
)
def test_a_run_is_not_accepted_from_bad_input_and_the_code_is_kept(
    gateway: Platform, body: dict[str, object], status: int
) -> None:
    session_id = gateway.open_session("print('kept')")

    answer = gateway.call("POST", f"/code-sessions/{session_id}/run", json=body)

    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert gateway.result(gateway.start(session_id))["stdout"] == "kept\n"


def test_a_wrong_content_type_is_415(gateway: Platform) -> None:
    answer = gateway.call(
        "POST", "/code-sessions", data="language=python", headers={"Content-Type": "text/plain"}
    )

    assert answer.status_code == 415


def test_a_stale_revision_is_412_and_loses_nothing(gateway: Platform) -> None:
    session_id = gateway.open_session("first")
    path = f"/code-sessions/{session_id}"
    gateway.call("PATCH", path, json={"source_code": "second"}, headers={"If-Match": '"1"'})

    stale = gateway.call("PATCH", path, json={"source_code": "third"}, headers={"If-Match": '"1"'})

    assert stale.status_code == 412
    assert gateway.call("GET", path).json()["source_code"] == "second"


def test_a_second_run_of_a_session_is_409_and_names_the_first(gateway: Platform) -> None:
    session_id = gateway.open_session("import time; time.sleep(1)")
    execution_id = gateway.start(session_id)

    refused = gateway.call("POST", f"/code-sessions/{session_id}/run")

    assert refused.status_code == 409
    assert refused.json()["execution_id"] == execution_id
    assert refused.json()["status"] in ("QUEUED", "RUNNING")
    gateway.result(execution_id)


@pytest.mark.parametrize(
    "path", ["/metrics", "/api/v1/metrics", "/%6detrics", "//metrics", "/languages/../metrics"]
)
def test_metrics_are_never_reachable_from_outside(gateway: Platform, path: str) -> None:
    assert gateway.call("GET", path).status_code == 404
