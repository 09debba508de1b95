"""What bodies and queries the session API accepts."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from marshmallow import Schema, ValidationError

from runlet_http.cursors import Cursor
from session_api.sessions.schemas import ChangesSchema, NewSessionSchema, PageSchema


def refused_fields(schema: type[Schema], data: Any) -> set[str]:
    """The names of the fields that `schema` complains about."""
    with pytest.raises(ValidationError) as caught:
        schema().load(data)
    return set(caught.value.messages_dict)


def test_language_id_is_another_name_of_language() -> None:
    assert NewSessionSchema().load({"language_id": "python"}) == {"language": "python"}


def test_only_one_name_of_the_language_is_to_be_sent() -> None:
    body = {"language_id": "python", "language": "python"}
    assert refused_fields(NewSessionSchema, body) == {"language_id"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "language"),
        ({"language": None}, "language"),
        ({"language": 5}, "language"),
        ({"language": ["python"]}, "language"),
        ({"language": "python", "language_id": "javascript"}, "language_id"),
        ({"language": "python", "source_code": None}, "source_code"),
        ({"language": "python", "source_code": 5}, "source_code"),
        ({"language": "python", "source_code": "a\0b"}, "source_code"),
        ({"language": "python", "source_code": "\ud800"}, "source_code"),
        ({"language": "python", "user_id": 1.5}, "user_id"),
        ({"language": "python", "user_id": True}, "user_id"),
        ({"language": "python", "user_id": {"id": 5}}, "user_id"),
        ({"language": "python", "user_id": "x" * 129}, "user_id"),
        ({"language": "python", "problem_id": 10**128}, "problem_id"),
        ({"language": "python", "problem_id": "\0"}, "problem_id"),
        ({"language": "python", "sauce_code": ""}, "sauce_code"),
        ({"language": "python", "status": "INACTIVE"}, "status"),
    ],
)
def test_a_new_session_that_makes_no_sense_is_refused(body: dict[str, Any], field: str) -> None:
    assert refused_fields(NewSessionSchema, body) == {field}


@pytest.mark.parametrize("data", [None, [], "text", 5, True, [{"language": "python"}]])
def test_only_an_object_is_a_body(data: object) -> None:
    assert refused_fields(NewSessionSchema, data) == {"_schema"}
    assert refused_fields(ChangesSchema, data) == {"_schema"}


@pytest.mark.parametrize("value", [5, -5, 0, "5", "", "x" * 128, "ü🐍", 10**127, None])
def test_opaque_ids_are_taken_as_they_are(value: str | int | None) -> None:
    body = {"language": "python", "user_id": value, "problem_id": value}
    assert NewSessionSchema().load(body) == body


def test_code_is_another_name_of_source_code() -> None:
    assert ChangesSchema().load({"code": "x"}) == {"source_code": "x"}


def test_only_one_name_of_the_program_is_to_be_sent() -> None:
    assert refused_fields(ChangesSchema, {"code": "x", "source_code": "x"}) == {"code"}


def test_an_empty_program_is_a_program() -> None:
    assert ChangesSchema().load({"source_code": ""}) == {"source_code": ""}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "source_code"),
        ({"code": "x", "source_code": "y"}, "code"),
        ({"code": "", "source_code": "y"}, "code"),
        ({"code": "\0"}, "code"),
        ({"language": None}, "language"),
        ({"source_code": "x", "revision": 7}, "revision"),
        ({"source_code": "x", "language_id": "python"}, "language_id"),
    ],
)
def test_changes_that_make_no_sense_are_refused(body: dict[str, Any], field: str) -> None:
    assert refused_fields(ChangesSchema, body) == {field}


def test_a_page_has_twenty_sessions_unless_told_otherwise() -> None:
    assert PageSchema().load({}) == {"limit": 20}


def test_a_cursor_is_read() -> None:
    position = Cursor(datetime(2025, 1, 31, tzinfo=UTC), UUID(int=7))
    assert PageSchema().load({"cursor": position.encode()})["cursor"] == position


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"limit": "-1"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"limit": ""}, "limit"),
        ({"limit": "1.5"}, "limit"),
        ({"limit": "9" * 5000}, "limit"),
        ({"cursor": ""}, "cursor"),
        ({"cursor": "abc"}, "cursor"),
        ({"cursor": "ü"}, "cursor"),
        ({"user_id": "x" * 129}, "user_id"),
        ({"user_id": "a\0"}, "user_id"),
    ],
)
def test_a_page_that_cannot_be_is_refused(query: dict[str, str], field: str) -> None:
    assert refused_fields(PageSchema, query) == {field}
