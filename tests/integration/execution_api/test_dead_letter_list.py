"""Listing and deleting what the platform gave up."""

from datetime import datetime
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient

from support.databases.executions import ExecutionsDatabase
from support.parallel import at_once


def test_without_dead_letters_the_list_is_empty(client: FlaskClient) -> None:
    listed = client.get("/dead-letters")
    assert listed.status_code == 200
    assert listed.get_json() == {"dead_letters": [], "next_cursor": None}


def test_a_dead_letter_says_what_was_given_up_and_why(
    client: FlaskClient, database: ExecutionsDatabase
) -> None:
    request = database.add_failed()
    letter_id = database.add_dead_letter(request.execution_id, attempts=4)
    [shown] = client.get("/api/v1/dead-letters").get_json()["dead_letters"]
    assert datetime.fromisoformat(shown.pop("at")) == database.dead_letters()[0]["at"]
    assert shown == {
        "id": str(letter_id),
        "execution_id": str(request.execution_id),
        "reason": "The sandbox did not start.",
        "attempts": 4,
    }


def test_a_letter_without_an_execution_is_listed_too(
    client: FlaskClient, database: ExecutionsDatabase
) -> None:
    database.add_dead_letter(None, body=b"\xff no message at all")
    [shown] = client.get("/dead-letters").get_json()["dead_letters"]
    assert shown["execution_id"] is None


def test_pages_lead_through_all_dead_letters_newest_first(
    client: FlaskClient, database: ExecutionsDatabase
) -> None:
    made = [str(database.add_dead_letter(uuid4())) for _ in range(12)]
    # Two of the same moment, across the border of two pages.
    database.run(
        "UPDATE dead_letters SET at = (SELECT max(at) FROM dead_letters) WHERE at > "
        "(SELECT at FROM dead_letters ORDER BY at DESC OFFSET 6 LIMIT 1)"
    )
    seen: list[str] = []
    query: str | None = ""
    while query is not None:
        page = client.get(f"/dead-letters?limit=5{query}").get_json()
        assert len(page["dead_letters"]) <= 5
        seen += [letter["id"] for letter in page["dead_letters"]]
        cursor: str | None = page["next_cursor"]
        query = None if cursor is None else f"&cursor={cursor}"

    assert sorted(seen) == sorted(made)
    assert seen[6:] == made[5::-1]


def test_ten_are_shown_unless_more_are_asked_for(
    client: FlaskClient, database: ExecutionsDatabase
) -> None:
    for _ in range(11):
        database.add_dead_letter(None)
    assert len(client.get("/dead-letters").get_json()["dead_letters"]) == 10
    assert len(client.get("/dead-letters?limit=100").get_json()["dead_letters"]) == 11


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=ten", "cursor=x", "cursor=%00"])
def test_a_page_of_letters_that_makes_no_sense_is_refused(client: FlaskClient, query: str) -> None:
    refused = client.get(f"/dead-letters?{query}")
    assert refused.status_code == 422
    assert list(refused.get_json()["errors"]) == [query.partition("=")[0]]


def test_deleting_removes_the_letter_and_nothing_else(
    client: FlaskClient, database: ExecutionsDatabase
) -> None:
    request = database.add_failed()
    letter_id = database.add_dead_letter(request.execution_id)
    kept = database.add_dead_letter(request.execution_id)

    answer = client.delete(f"/dead-letters/{letter_id}")

    assert (answer.status_code, answer.data) == (204, b"")
    assert [letter["id"] for letter in database.dead_letters()] == [kept]
    assert database.execution(request.execution_id)["status"] == "FAILED"


def test_two_deletions_at_once_delete_it_once(
    client: FlaskClient, database: ExecutionsDatabase
) -> None:
    letter_id = database.add_dead_letter(None)
    app = client.application
    answers = at_once(4, lambda: app.test_client().delete(f"/dead-letters/{letter_id}"))
    assert sorted(answer.status_code for answer in answers) == [204, 404, 404, 404]


@pytest.mark.parametrize(
    ("method", "path"), [("DELETE", "/dead-letters/{}"), ("POST", "/dead-letters/{}/requeue")]
)
@pytest.mark.parametrize("unknown", [str(UUID(int=7)), UUID(int=7).hex, "17", "%00", "é"])
def test_an_unknown_dead_letter_is_not_found(
    client: FlaskClient, method: str, path: str, unknown: str
) -> None:
    missing = client.open(path.format(unknown), method=method)
    assert missing.status_code == 404
    assert missing.content_type == "application/problem+json"
    assert missing.get_json()["error"] == "There is no dead letter with this id."
