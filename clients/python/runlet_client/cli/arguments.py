"""What the command line accepts."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from runlet_client.connection import DEFAULT_URL

_SURROUNDINGS = (
    f"environment: RUNLET_URL is the address of Runlet (default {DEFAULT_URL}), "
    "RUNLET_TOKEN the token for it."
)
_EXIT_CODES = """\
exit code: the program's own; 124 when its time is over, 128 plus the signal that ended it,
125 when the platform failed, 130 when it was cancelled; 1 for an error, 2 for wrong usage.
"""


Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


class UsageError(Exception):
    """The command line is not as it should be."""


@dataclass(frozen=True)
class NamedFile:
    """A file here and its name beside the program."""

    name: str
    path: Path


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The arguments; exits with 2 and a sentence when they are wrong.

    What follows `--` is for the program. argparse gives up on it when options come before it, so it
    is cut off here.
    """
    ours, theirs = _cut(argv)
    parser = _parser()
    arguments = parser.parse_args(ours)
    if theirs and arguments.command != "run":
        parser.error("Only `runlet run` takes arguments for a program after --.")
    if arguments.command == "run":
        arguments.arg = [*arguments.arg, *theirs]
    return arguments


def _cut(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    if "--" not in argv:
        return list(argv), []
    at = list(argv).index("--")
    return list(argv[:at]), list(argv[at + 1 :])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="runlet", description="Runs programs on a Runlet.", epilog=_SURROUNDINGS
    )
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--url", help="address of Runlet, instead of RUNLET_URL")
    shared.add_argument("--json", action="store_true", help="answer as one JSON document")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_run(commands, shared)
    commands.add_parser("languages", parents=[shared], help="list the languages on offer")
    _add_with_id(commands, shared, "status", "show an execution")
    _add_with_id(commands, shared, "cancel", "end an execution before its time")
    _add_dead_letters(commands, shared)
    return parser


def _add_run(commands: Commands, shared: argparse.ArgumentParser) -> None:
    run = commands.add_parser(
        "run",
        parents=[shared],
        help="run a program and show its output as it comes",
        usage="runlet run [options] FILE [-- ARG ...]",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run.add_argument("file", type=Path, metavar="FILE", help="the program; - reads it from input")
    run.add_argument("--language", metavar="L", help="its language, by default by its ending")
    run.add_argument("--stdin", metavar="TEXT", help="what the program reads; - passes input on")
    run.add_argument(
        "--arg", action="append", default=[], metavar="A", help="an argument; also after --"
    )
    run.add_argument(
        "--file",
        dest="files",
        action="append",
        default=[],
        type=_named_file,
        metavar="NAME=PATH",
        help="a file to lie beside the program",
    )
    run.add_argument("--time-limit", type=int, metavar="MS", help="milliseconds it may take")
    run.add_argument("--memory", type=int, metavar="MB", help="MiB of memory it may take")


def _add_with_id(
    commands: Commands, shared: argparse.ArgumentParser, name: str, words: str
) -> None:
    command = commands.add_parser(name, parents=[shared], help=words)
    command.add_argument("id", metavar="ID", help="the execution's id")


def _add_dead_letters(commands: Commands, shared: argparse.ArgumentParser) -> None:
    letters = commands.add_parser("dead-letters", help="what the platform gave up")
    actions = letters.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", parents=[shared], help="list them, newest first")
    listing.add_argument("--limit", type=int, default=50, metavar="N", help="how many at most")
    for name, words in (("requeue", "run its execution again"), ("delete", "forget it")):
        action = actions.add_parser(name, parents=[shared], help=words)
        action.add_argument("id", metavar="ID", help="the dead letter's id")


def _named_file(text: str) -> NamedFile:
    name, separator, path = text.partition("=")
    if not (name and separator and path):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=PATH.")
    return NamedFile(name, Path(path))
