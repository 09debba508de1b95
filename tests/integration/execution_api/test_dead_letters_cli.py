"""Dead letters from the command line."""

import json
from collections.abc import Iterator, Sequence
from uuid import UUID, uuid4

import pytest
from structlog.testing import capture_logs

from execution_api.dead_letters import cli
from support.databases.executions import ExecutionsDatabase

NO_LETTER = "There is no dead letter with this id.\n"


class CommandLine:
    """Calls the command as a shell would."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.errors = ""

    def call(self, *arguments: object, code: int = 0) -> str:
        """What it prints. Fails when it ends with another exit code than `code`."""
        ended_with = _exit_code([str(argument) for argument in arguments])
        printed, self.errors = self._capsys.readouterr()
        assert ended_with == code, self.errors
        return printed


def _exit_code(arguments: Sequence[str]) -> object:
    try:
        return cli.main(arguments)
    except SystemExit as exit_:
        return exit_.code


@pytest.fixture
def shell(
    database: ExecutionsDatabase,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[CommandLine]:
    """A command line with nothing but the database."""
    monkeypatch.setenv("DATABASE_URL", database.url)
    monkeypatch.delenv("AMQP_URL", raising=False)
    with capture_logs():
        yield CommandLine(capsys)


def test_the_list_says_when_there_is_nothing(shell: CommandLine) -> None:
    assert shell.call("list") == "There are no dead letters.\n"
    assert json.loads(shell.call("--json", "list")) == {"dead_letters": [], "next_cursor": None}


def test_the_list_is_a_table_newest_first(shell: CommandLine, database: ExecutionsDatabase) -> None:
    older = database.add_dead_letter(None)
    execution_id = uuid4()
    newer = database.add_dead_letter(execution_id, attempts=4)
    heading, first, second = shell.call("list").splitlines()
    assert heading.split() == ["at", "id", "execution_id", "attempts", "reason"]
    assert first.split()[1:] == [
        str(newer), str(execution_id), "4", "The", "sandbox", "did", "not", "start.",
    ]  # fmt: skip
    assert second.split()[1:4] == [str(older), "-", "1"]
    assert heading.index("reason") == first.index("The") == second.index("The")


def test_pages_of_the_list_lead_on(shell: CommandLine, database: ExecutionsDatabase) -> None:
    made = [database.add_dead_letter(None) for _ in range(3)]
    page = json.loads(shell.call("--json", "list", "--limit", 2))
    rest = json.loads(shell.call("--json", "list", "--cursor", page["next_cursor"]))
    shown = [letter["id"] for letter in page["dead_letters"] + rest["dead_letters"]]
    assert shown == [str(id_) for id_ in reversed(made)]
    assert rest["next_cursor"] is None
    assert shell.call("list", "--limit", 2).splitlines()[-1].startswith("More: list --cursor ")


def test_one_letter_is_shown_with_its_message(
    shell: CommandLine, database: ExecutionsDatabase
) -> None:
    letter_id = database.add_dead_letter(None, body=b'{"odd": "\x1b[2J\xff"}')
    printed = shell.call("show", letter_id)
    assert 'body: {"odd": "\\x1b[2J\ufffd"}\n' in printed
    assert "type: run.requested.v1\n" in printed
    shown = json.loads(shell.call("--json", "show", letter_id))
    assert (shown["id"], shown["body"]) == (str(letter_id), '{"odd": "\x1b[2J\ufffd"}')


def test_requeueing_leaves_the_request_to_the_relay(
    shell: CommandLine, database: ExecutionsDatabase
) -> None:
    execution_id = database.add_failed(attempts=4).execution_id
    letter_id = database.add_dead_letter(execution_id)
    printed = shell.call("requeue", letter_id)
    assert printed == f"Execution {execution_id} is queued again, for attempt 5.\n"
    assert database.execution(execution_id)["status"] == "QUEUED"
    assert database.outbox() == {execution_id}
    assert shell.call("requeue", letter_id, code=1) == ""
    assert shell.errors == NO_LETTER


def test_requeueing_answers_in_json_when_asked(
    shell: CommandLine, database: ExecutionsDatabase
) -> None:
    execution_id = database.add_failed().execution_id
    printed = shell.call("--json", "requeue", database.add_dead_letter(execution_id))
    assert json.loads(printed) == {"execution_id": str(execution_id), "status": "QUEUED"}


def test_what_cannot_be_requeued_is_refused_with_a_sentence(
    shell: CommandLine, database: ExecutionsDatabase
) -> None:
    shell.call("requeue", database.add_dead_letter(None), code=1)
    assert shell.errors == "This dead letter belongs to no execution. It can only be deleted.\n"


def test_deleting_deletes_once(shell: CommandLine, database: ExecutionsDatabase) -> None:
    letter_id = database.add_dead_letter(None)
    assert shell.call("delete", letter_id) == "It is deleted.\n"
    assert not database.dead_letters()
    shell.call("delete", letter_id, code=1)
    assert shell.errors == NO_LETTER


@pytest.mark.parametrize("command", ["show", "requeue", "delete"])
def test_an_unknown_letter_is_refused(shell: CommandLine, command: str) -> None:
    shell.call(command, UUID(int=7), code=1)
    assert shell.errors == NO_LETTER


@pytest.mark.parametrize(
    "arguments", [[], ["mend"], ["requeue"], ["requeue", "17"], ["list", "--limit", "0"]]
)
def test_what_is_not_understood_is_explained(shell: CommandLine, arguments: list[str]) -> None:
    shell.call(*arguments, code=2)
    assert "usage: dead_letters" in shell.errors


def test_a_cursor_that_no_list_named_is_not_understood(shell: CommandLine) -> None:
    shell.call("list", "--cursor", "x", code=2)
    assert "must be what the list named last" in shell.errors


def test_a_database_that_is_away_is_said_to_be(
    shell: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql+psycopg2://u:secret@127.0.0.1:1/x")
    shell.call("list", code=1)
    assert shell.errors == f"{cli.DATABASE_AWAY}\n"


def test_a_missing_setting_is_named(shell: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL")
    shell.call("list", code=1)
    assert shell.errors == "The setting DATABASE_URL is missing.\n"
