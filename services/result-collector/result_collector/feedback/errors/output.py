"""Output as lines within bounds, and notes made from it that are within bounds as well."""

import re
from collections.abc import Iterable, Iterator

from result_collector.ingest.text_sanitizer import storable
from runlet.execution import FeedbackNote
from runlet.languages import WORKING_DIRECTORY

# Errors stand at an end of the output. A trace of a few hundred frames fits into this.
WINDOW_CHARACTERS = 65_536
MOST_MESSAGE_CHARACTERS = 500
MOST_KIND_CHARACTERS = 100
_MOST_BLANK_LINES = 5

# The name of an error that has none of its own.
UNNAMED = "error"

_FOLDER = f"{WORKING_DIRECTORY}/"
_CONTROL = re.compile("[\x01-\x1f\x7f-\x9f]")

LINE_NUMBER = "(?P<line>[0-9]{1,7})"


def windows(output: str) -> Iterator[list[str]]:
    """The lines at the end of an output, then those at its beginning when it is a long one."""
    if len(output) <= 2 * WINDOW_CHARACTERS:
        yield _lines(output)
        return
    yield _lines(output[-WINDOW_CHARACTERS:])[1:]
    yield beginning(output)


def beginning(output: str) -> list[str]:
    """The lines at the beginning of an output."""
    return _lines(output[:WINDOW_CHARACTERS])


def _lines(text: str) -> list[str]:
    # Not splitlines(): a form feed or a line separator in a message ends no line of a tool.
    return [line.removesuffix("\r") for line in text.split("\n")]


def own_path(file_name: str) -> str:
    """A regular expression for the program's own file, in any way a tool may name it."""
    return f"(?:file://)?(?:{_FOLDER}|\\./)?{re.escape(file_name)}"


def line_of(match: re.Match[str] | None) -> int | None:
    """The number in the group `line`; None when there is none or it cannot be a line."""
    number = match and match.group("line")
    return int(number) or None if number else None


def first_line_number(lines: Iterable[str], pattern: re.Pattern[str]) -> int | None:
    """The line number in the first line that fits the pattern."""
    matches = (pattern.match(line) for line in lines)
    return next((line_of(match) for match in matches if match), None)


def first_words(lines: Iterable[str]) -> str:
    """The first line with anything in it."""
    return next((line for line in lines if line and not line.isspace()), "")


def message_of(error: re.Match[str], following: list[str]) -> str:
    """The group `message` of an error, empty when it has none.

    It may begin in the lines that follow, and what its colon announces stands there.
    """
    message = error.group("message")
    if message is None:
        return ""
    below = first_words(following[:_MOST_BLANK_LINES])
    if message.endswith(":") and not below.startswith((" ", "\t")):
        return f"{message} {below}"
    return first_words([message, below])


def note(kind: str, line: int | None, message: str) -> FeedbackNote:
    """A note of one line, without the sandbox's paths, short enough to store and to show."""
    name = _tidy(kind, MOST_KIND_CHARACTERS) or UNNAMED
    return FeedbackNote(name, line, _tidy(message, MOST_MESSAGE_CHARACTERS) or name)


def _tidy(text: str, most: int) -> str:
    text = text[: 4 * most].replace(f"file://{_FOLDER}", "")
    text = text.replace(_FOLDER, "")
    text = storable(" ".join(_CONTROL.sub(" ", text).split()))
    return text if len(text) <= most else f"{text[: most - 1]}\N{HORIZONTAL ELLIPSIS}"
