"""The list of sessions."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

Begin = Callable[..., dict[str, Any]]


def pages(client: FlaskClient, **query: str | int) -> list[list[str]]:
    """The ids on every page of a list."""
    found: list[list[str]] = []
    cursor: str | None = None
    while cursor or not found:
        answer = client.get(
            "/code-sessions", query_string={**query, **({"cursor": cursor} if cursor else {})}
        ).get_json()
        found.append([session["session_id"] for session in answer["sessions"]])
        cursor = answer["next_cursor"]
    return found


def test_without_sessions_the_list_is_empty(client: FlaskClient) -> None:
    assert client.get("/code-sessions").get_json() == {"sessions": [], "next_cursor": None}


def test_sessions_are_listed_newest_first_as_they_were_answered(
    client: FlaskClient, begin: Begin
) -> None:
    older, newer = begin(user_id="ada"), begin(language="javascript")
    assert client.get("/code-sessions").get_json()["sessions"] == [newer, older]


def test_pages_hold_every_session_once(client: FlaskClient, begin: Begin) -> None:
    ids = [begin()["session_id"] for _ in range(7)]
    newest_first = ids[::-1]
    assert pages(client, limit=3) == [newest_first[:3], newest_first[3:6], newest_first[6:]]


def test_a_page_that_ends_with_the_list_is_the_last(client: FlaskClient, begin: Begin) -> None:
    ids = [begin()["session_id"] for _ in range(4)]
    assert pages(client, limit=2) == [ids[:1:-1], ids[1::-1]]


def test_a_new_session_does_not_shift_later_pages(client: FlaskClient, begin: Begin) -> None:
    ids = [begin()["session_id"] for _ in range(4)]
    first = client.get("/code-sessions?limit=2").get_json()
    begin()
    query = {"limit": 2, "cursor": first["next_cursor"]}
    rest = client.get("/code-sessions", query_string=query).get_json()["sessions"]
    assert [session["session_id"] for session in rest] == ids[1::-1]


def test_twenty_sessions_are_shown_unless_told_otherwise(client: FlaskClient, begin: Begin) -> None:
    for _ in range(21):
        begin()
    assert [len(page) for page in pages(client)] == [20, 1]


def test_a_user_sees_no_sessions_of_others(client: FlaskClient, begin: Begin) -> None:
    mine = [begin(user_id="ada")["session_id"] for _ in range(3)]
    begin(user_id="bob")
    begin()
    assert pages(client, user_id="ada", limit=2) == [mine[:0:-1], mine[:1]]
    assert pages(client, user_id="eve") == [[]]


@pytest.mark.parametrize("number", [5, 0, -5, 10**127])
def test_a_user_is_found_by_number_and_by_text(
    client: FlaskClient, begin: Begin, number: int
) -> None:
    both = [begin(user_id=number)["session_id"], begin(user_id=str(number))["session_id"]]
    assert pages(client, user_id=number) == [both[::-1]]


def test_text_that_only_looks_like_a_number_is_no_number(client: FlaskClient, begin: Begin) -> None:
    begin(user_id=5)
    assert pages(client, user_id="05") == pages(client, user_id="+5") == [[]]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=x",
        "cursor=",
        "cursor=abc",
        "cursor=%00",
        "cursor=%ff",
        "user_id=%00",
        "user_id=" + "x" * 129,
    ],
)
def test_a_query_that_makes_no_sense_is_refused(client: FlaskClient, query: str) -> None:
    refused = client.get(f"/code-sessions?{query}")
    assert refused.status_code == 422
    assert list(refused.get_json()["errors"]) == [query.partition("=")[0]]
