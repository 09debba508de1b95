"""An autosave is one statement, and two replicas lose none of each other's."""

from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from session_api import bootstrap
from session_api.config import Config
from support.databases.statements import sent_statements
from support.parallel import at_once

Begin = Callable[..., dict[str, Any]]

WRITERS, ROUNDS = 16, 8


@pytest.fixture
def replicas(app: Flask, database_url: str) -> list[Flask]:
    """Two session APIs on one database."""
    return [app, bootstrap.create_api(Config(database_url=database_url)).app]


@pytest.mark.parametrize("headers", [{}, {"If-Match": '"1"'}, {"If-Match": "*"}], ids=str)
@pytest.mark.parametrize("body", [{"code": "x"}, {"language": "ruby"}], ids=str)
def test_an_autosave_is_one_update_and_no_read(
    client: FlaskClient, begin: Begin, body: dict[str, str], headers: dict[str, str]
) -> None:
    address = f"/code-sessions/{begin()['session_id']}"
    with sent_statements() as sent:
        saved = client.patch(address, json=body, headers=headers)
    assert saved.status_code == 200
    assert sent == ["UPDATE"]


def test_only_a_refused_autosave_reads_to_say_why(client: FlaskClient, begin: Begin) -> None:
    address = f"/code-sessions/{begin()['session_id']}"
    with sent_statements() as sent:
        refused = client.patch(address, json={"code": "x"}, headers={"If-Match": '"7"'})
    assert refused.status_code == 412
    assert sent == ["UPDATE", "SELECT"]


def test_of_saves_on_one_revision_at_two_replicas_exactly_one_wins(
    replicas: list[Flask], begin: Begin
) -> None:
    address = f"/code-sessions/{begin()['session_id']}"
    for revision in range(1, ROUNDS + 1):
        calls = cycle(enumerate(replicas * (WRITERS // 2)))

        def save(calls: Iterator[tuple[int, Flask]] = calls, revision: int = revision) -> str:
            writer, app = next(calls)
            code, if_match = f"{revision} by {writer}", {"If-Match": f'"{revision}"'}
            saved = app.test_client().patch(address, json={"code": code}, headers=if_match)
            assert saved.status_code in (200, 412)
            return code if saved.status_code == 200 else ""

        (winner,) = filter(None, at_once(WRITERS, save))
        read = [app.test_client().get(address).get_json() for app in replicas]
        assert [(each["source_code"], each["revision"]) for each in read] == [
            (winner, revision + 1)
        ] * 2


def test_a_close_at_another_replica_ends_all_saving(replicas: list[Flask], begin: Begin) -> None:
    address = f"/code-sessions/{begin()['session_id']}"
    first, second = replicas
    closes = cycle([False] * 7 + [True])

    def close_or_save() -> tuple[bool, int]:
        if next(closes):
            return True, second.test_client().patch(f"{address}/close").status_code
        return False, first.test_client().patch(address, json={"code": "late"}).status_code

    answers = at_once(WRITERS, close_or_save)
    assert {status for is_close, status in answers if is_close} == {200}
    saved = sum(status == 200 for is_close, status in answers if not is_close)
    client = second.test_client()
    session = client.get(address).get_json()
    assert (session["status"], session["revision"]) == ("INACTIVE", 1 + saved)
    assert client.patch(address, json={"code": "later"}).status_code == 409
