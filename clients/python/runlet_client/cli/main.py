"""The entry of the `runlet` command."""

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence

import httpx

from runlet_client.cli import arguments, commands, running
from runlet_client.cli.arguments import UsageError
from runlet_client.cli.terminal import Console
from runlet_client.client import Runlet
from runlet_client.errors import RunletError

FAILED, WRONG_USAGE, INTERRUPTED, NOBODY_READS = 1, 2, 130, 141

Command = Callable[[Runlet, argparse.Namespace, Console], int]

_COMMANDS: dict[str, Command] = {
    "run": running.run,
    "languages": commands.languages,
    "status": commands.status,
    "cancel": commands.cancel,
    "dead-letters list": commands.list_dead_letters,
    "dead-letters requeue": commands.requeue_dead_letter,
    "dead-letters delete": commands.delete_dead_letter,
}


def main(argv: Sequence[str], transport: httpx.BaseTransport | None = None) -> int:
    """Carry out a command line; gives the exit code. `transport` stands in for the network."""
    try:
        parsed = arguments.parse(argv)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else WRONG_USAGE
    console = Console(sys.stdout, sys.stderr)
    try:
        with _client(parsed.url, transport) as client:
            return _command(parsed)(client, parsed, console)
    except UsageError as error:
        console.say(str(error))
        return WRONG_USAGE
    except RunletError as error:
        console.say(str(error))
        return FAILED
    except BrokenPipeError:
        return NOBODY_READS
    except OSError as error:
        console.say(_about_file(error))
        return FAILED
    except KeyboardInterrupt:
        console.clear()
        return INTERRUPTED


def console() -> None:
    """The installed command: runs `main` on the process's own arguments."""
    for stream in (sys.stdout, sys.stderr):
        # A program may print what the terminal's encoding does not have.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    exit_code = main(sys.argv[1:])
    if exit_code == NOBODY_READS:
        # Python flushes standard output once more at its end, into the broken pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(exit_code)


def _client(url: str | None, transport: httpx.BaseTransport | None) -> Runlet:
    try:
        return Runlet(url, transport=transport)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _command(parsed: argparse.Namespace) -> Command:
    return _COMMANDS[" ".join(filter(None, (parsed.command, getattr(parsed, "action", None))))]


def _about_file(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}."
