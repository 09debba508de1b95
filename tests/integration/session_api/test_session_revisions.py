"""Saving only what has not been saved by somebody else meanwhile."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

Begin = Callable[..., dict[str, Any]]

WRITERS, ROUNDS = 8, 10


@pytest.fixture
def address(begin: Begin) -> str:
    """A session at revision 1."""
    return f"/code-sessions/{begin()['session_id']}"


def save(client: FlaskClient, address: str, if_match: str, code: str = "x") -> int:
    """The status of an autosave under a condition."""
    return client.patch(address, json={"code": code}, headers={"If-Match": if_match}).status_code


def test_every_answer_names_the_revision_in_its_etag(client: FlaskClient) -> None:
    created = client.post("/code-sessions", json={"language": "python"})
    address = created.headers["Location"]
    saved = client.patch(address, json={"code": "x"})
    read = client.get(address)
    assert [answer.headers["ETag"] for answer in (created, saved, read)] == ['"1"', '"2"', '"2"']


@pytest.mark.parametrize("if_match", ['"1"', "1", "*", '"7", "1"'])
def test_a_save_on_the_current_revision_succeeds(
    client: FlaskClient, address: str, if_match: str
) -> None:
    assert save(client, address, if_match) == 200


@pytest.mark.parametrize("if_match", ['"2"', "0", 'W/"1"', "abc", "", "9" * 100, '"1'])
def test_a_save_on_another_revision_is_refused_and_changes_nothing(
    client: FlaskClient, address: str, if_match: str
) -> None:
    before = client.get(address).get_json()
    assert save(client, address, if_match) == 412
    assert client.get(address).get_json() == before


def test_a_stale_save_is_told_the_current_revision(client: FlaskClient, address: str) -> None:
    client.patch(address, json={"code": "x"})
    refused = client.patch(address, json={"code": "y"}, headers={"If-Match": '"1"'})
    assert refused.get_json()["revision"] == 2


def test_a_closed_session_is_closed_whatever_the_revision(
    client: FlaskClient, address: str
) -> None:
    client.patch(f"{address}/close")
    assert save(client, address, '"1"') == save(client, address, '"9"') == 409


def test_of_writers_at_the_same_revision_exactly_one_wins_each_round(
    app: Flask, client: FlaskClient, address: str
) -> None:
    together = Barrier(WRITERS)

    def write(revision: int, writer: int) -> int:
        together.wait()
        return save(app.test_client(), address, f'"{revision}"', f"{revision} by {writer}")

    with ThreadPoolExecutor(WRITERS) as pool:
        for revision in range(1, ROUNDS + 1):
            statuses = list(pool.map(write, [revision] * WRITERS, range(WRITERS)))
            assert sorted(statuses) == [200] + [412] * (WRITERS - 1)
            winner = statuses.index(200)
            session = client.get(address).get_json()
            assert session["source_code"] == f"{revision} by {winner}"
            assert session["revision"] == revision + 1


def test_unconditional_saves_at_once_are_all_counted(
    app: Flask, client: FlaskClient, address: str
) -> None:
    def write(writer: int) -> int:
        saved = app.test_client().patch(address, json={"code": str(writer)}).get_json()
        revision: int = saved["revision"]
        return revision

    with ThreadPoolExecutor(WRITERS) as pool:
        revisions = sorted(pool.map(write, range(40)))
    assert revisions == list(range(2, 42))
    assert client.get(address).get_json()["revision"] == 41


def test_a_reader_that_has_the_revision_gets_no_body(client: FlaskClient, address: str) -> None:
    unchanged = client.get(address, headers={"If-None-Match": '"1"'})
    assert (unchanged.status_code, unchanged.data) == (304, b"")
    client.patch(address, json={"code": "x"})
    assert client.get(address, headers={"If-None-Match": '"1"'}).status_code == 200


def test_a_reader_learns_that_a_session_was_closed(client: FlaskClient, address: str) -> None:
    client.patch(f"{address}/close")
    read = client.get(address, headers={"If-None-Match": '"1"'})
    assert read.get_json()["status"] == "INACTIVE"
