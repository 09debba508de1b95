"""The commands that ask one thing."""

import json
from typing import Any

import httpx
import pytest

from runlet_client.cli.main import main
from support.http.client_api import TIME, FakeApi, accepted, execution, ok, problem

Output = pytest.CaptureFixture[str]

LANGUAGE = {
    "id": "cpp",
    "name": "C++",
    "runtime": "GCC",
    "version": "12",
    "file_name": "main.cpp",
    "default_time_limit_ms": 5000,
    "default_memory_mb": 512,
}
LETTER = {"id": "d1", "execution_id": "e1", "reason": "No\nluck", "attempts": 4, "at": TIME}


def document(api: FakeApi, capsys: Output, *argv: str) -> Any:
    assert main([*argv, "--json"], api.transport) == 0
    return json.loads(capsys.readouterr().out)


def test_languages_are_a_table(api: FakeApi, capsys: Output) -> None:
    api.on("GET /languages", ok({"total": 1, "languages": [LANGUAGE]}))

    assert main(["languages"], api.transport) == 0

    assert capsys.readouterr().out.splitlines() == [
        "ID   NAME  RUNTIME  FILE      TIME     MEMORY",
        "cpp  C++   GCC 12   main.cpp  5000 ms  512 MiB",
    ]


def test_languages_as_json(api: FakeApi, capsys: Output) -> None:
    api.on("GET /languages", ok({"total": 1, "languages": [LANGUAGE]}))

    assert document(api, capsys, "languages")["languages"][0]["file_name"] == "main.cpp"


def test_status_shows_an_execution_without_what_would_control_the_terminal(
    api: FakeApi, capsys: Output
) -> None:
    failed = execution(
        "FAILED", reason="nonzero_exit", exit_code=3, stdout="a\x1b[2J\n", execution_time_ms=5
    )
    api.on("GET /executions/e1", ok(failed))

    assert main(["status", "e1"], api.transport) == 0

    said = capsys.readouterr().out
    assert "status    FAILED (nonzero_exit)\n" in said
    assert "exit code 3\n" in said
    assert said.endswith("--- stdout\na\ufffd[2J\n")


def test_status_as_json(api: FakeApi, capsys: Output) -> None:
    api.on("GET /executions/e1", ok(execution("RUNNING")))

    assert document(api, capsys, "status", "e1")["status"] == "RUNNING"


@pytest.mark.parametrize(("status", "words"), [("CANCELLED", "is cancelled"), ("RUNNING", "being")])
def test_cancelling_says_what_became_of_it(
    api: FakeApi, capsys: Output, status: str, words: str
) -> None:
    api.on("POST /executions/e1/cancel", accepted(status))

    assert main(["cancel", "e1"], api.transport) == 0

    assert words in capsys.readouterr().out


def test_cancelling_what_is_over_is_an_error(api: FakeApi, capsys: Output) -> None:
    api.on("POST /executions/e1/cancel", problem(409, "This execution is over already."))

    assert main(["cancel", "e1"], api.transport) == 1

    assert capsys.readouterr() == ("", "runlet: This execution is over already.\n")


def test_dead_letters_are_a_table(api: FakeApi, capsys: Output) -> None:
    api.on("GET /dead-letters", ok({"dead_letters": [LETTER], "next_cursor": None}))

    assert main(["dead-letters", "list"], api.transport) == 0

    head, line = capsys.readouterr().out.splitlines()
    assert head.split() == ["ID", "EXECUTION", "AT", "ATTEMPTS", "REASON"]
    assert line.split() == ["d1", "e1", "2025-01-31T12:00:00+00:00", "4", "No", "luck"]


def test_no_more_dead_letters_are_listed_than_asked_for(api: FakeApi, capsys: Output) -> None:
    api.on("GET /dead-letters", ok({"dead_letters": [LETTER] * 3, "next_cursor": "c"}))

    listed = document(api, capsys, "dead-letters", "list", "--limit", "2")

    assert (len(listed["dead_letters"]), len(api.requests)) == (2, 1)


def test_no_dead_letters_is_a_sentence(api: FakeApi, capsys: Output) -> None:
    api.on("GET /dead-letters", ok({"dead_letters": [], "next_cursor": None}))

    main(["dead-letters", "list"], api.transport)

    assert capsys.readouterr().out == "There are no dead letters.\n"


def test_a_dead_letter_is_requeued(api: FakeApi, capsys: Output) -> None:
    api.on("POST /dead-letters/d1/requeue", accepted(), accepted())

    assert main(["dead-letters", "requeue", "d1"], api.transport) == 0
    assert capsys.readouterr().out == "Execution e1 is queued again.\n"

    assert document(api, capsys, "dead-letters", "requeue", "d1")["status"] == "QUEUED"


def test_a_dead_letter_is_deleted(api: FakeApi, capsys: Output) -> None:
    api.on("DELETE /dead-letters/d1", httpx.Response(204), httpx.Response(204))

    assert main(["dead-letters", "delete", "d1"], api.transport) == 0
    assert capsys.readouterr().out == "Dead letter d1 is deleted.\n"

    assert document(api, capsys, "dead-letters", "delete", "d1") == {"id": "d1", "deleted": True}


def test_help_is_no_error(api: FakeApi, capsys: Output) -> None:
    assert main(["run", "--help"], api.transport) == 0

    said = capsys.readouterr().out
    assert "124" in said
    assert "--stdin" in said
