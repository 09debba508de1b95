"""Dead letters from the command line: `python -m execution_api.dead_letters.cli --help`."""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping

from execution_api import bootstrap
from execution_api.bootstrap import DeadLetterTools
from execution_api.config import CommandConfig
from execution_api.errors import CallRefusedError, DeadLetterNotFoundError
from runlet import config
from runlet.config import ConfigError
from runlet.execution import Status
from runlet_http.cursors import Cursor
from runlet_postgres.errors import DatabaseUnavailableError
from runlet_telemetry import logs
from runlet_telemetry.trace_context import child_of

DEFAULT_LIMIT, MAX_LIMIT = 20, 1000
COLUMNS = ("at", "id", "execution_id", "attempts", "reason")
DATABASE_AWAY = "The database does not answer at the moment. Try again when it does."


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say; gives the exit code: 0 done, 1 refused, 2 not understood."""
    options = _parser().parse_args(arguments)
    try:
        settings = config.load(CommandConfig, os.environ)
        print(options.act(bootstrap.create_dead_letter_tools(settings), options))
    except (CallRefusedError, ConfigError) as error:
        return _fail(str(error))
    except DatabaseUnavailableError:
        return _fail(DATABASE_AWAY)
    return 0


def _fail(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dead_letters", description="Look at dead letters, requeue or delete them."
    )
    parser.add_argument("--json", action="store_true", help="answer in JSON")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    listing = commands.add_parser("list", help="what was given up, newest first")
    listing.add_argument("--limit", type=_limit, default=DEFAULT_LIMIT, help="how many at most")
    listing.add_argument("--cursor", type=_cursor, help="the next page, as the list names it")
    listing.set_defaults(act=_list)
    for name, act, summary in (
        ("show", _show, "one dead letter, with the message it was"),
        ("requeue", _requeue, "queue its execution again"),
        ("delete", _delete, "delete it; its execution stays FAILED"),
    ):
        command = commands.add_parser(name, help=summary)
        command.add_argument("id", type=UUID, help="the id of the dead letter, from the list")
        command.set_defaults(act=act)
    return parser


def _limit(text: str) -> int:
    limit = int(text)
    if not 1 <= limit <= MAX_LIMIT:
        raise argparse.ArgumentTypeError(f"must be from 1 to {MAX_LIMIT}")
    return limit


def _cursor(text: str) -> Cursor:
    try:
        return Cursor.decode(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError("must be what the list named last") from error


def _list(tools: DeadLetterTools, options: argparse.Namespace) -> str:
    found = tools.letters.page(options.limit + 1, options.cursor)
    shown = [_texts(letter) for letter in found[: options.limit]]
    last = found[options.limit - 1] if len(found) > options.limit else None
    cursor = last and Cursor(last["at"], last["id"]).encode()
    if options.json:
        return json.dumps({"dead_letters": shown, "next_cursor": cursor})
    if not shown:
        return "There are no dead letters."
    return "\n".join([*_table(shown), *([f"More: list --cursor {cursor}"] if cursor else [])])


def _show(tools: DeadLetterTools, options: argparse.Namespace) -> str:
    letter = tools.letters.find(options.id)
    if letter is None:
        raise DeadLetterNotFoundError
    if options.json:
        return json.dumps(_texts(letter))
    return "\n".join(f"{name}: {_printable(value)}" for name, value in _texts(letter).items())


def _requeue(tools: DeadLetterTools, options: argparse.Namespace) -> str:
    request = tools.requeuer.requeue(options.id, child_of(None))
    if options.json:
        return json.dumps({"execution_id": str(request.execution_id), "status": Status.QUEUED})
    return f"Execution {request.execution_id} is queued again, for attempt {request.attempt}."


def _delete(tools: DeadLetterTools, options: argparse.Namespace) -> str:
    if not tools.letters.delete(options.id):
        raise DeadLetterNotFoundError
    return json.dumps({"deleted": str(options.id)}) if options.json else "It is deleted."


def _texts(letter: RowMapping) -> dict[str, Any]:
    """The columns of a letter as JSON has them; the message as far as it is text."""
    values = dict(letter)
    values["id"] = str(letter["id"])
    values["execution_id"] = letter["execution_id"] and str(letter["execution_id"])
    values["at"] = letter["at"].isoformat()
    if "body" in letter:
        values["body"] = bytes(letter["body"]).decode(errors="replace")
    return values


def _table(letters: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [COLUMNS, *([_printable(letter[name]) for name in COLUMNS] for letter in letters)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(COLUMNS) - 1)]
    return ["  ".join([*map(str.ljust, row, widths), row[-1]]) for row in rows]


def _printable(value: object) -> str:
    """A value on one line, with nothing in it that a terminal would obey."""
    text = "-" if value is None else str(value)
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


if __name__ == "__main__":
    # Standard output belongs to the answer.
    logs.configure("dead-letters", "ERROR")
    sys.exit(main())
