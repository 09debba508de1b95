"""JavaScript: what Node.js prints when an error, or any thrown value, ends a program."""

import re

from result_collector.feedback.errors.output import (
    LINE_NUMBER,
    first_line_number,
    line_of,
    message_of,
    note,
    own_path,
)
from result_collector.feedback.errors.parser import Family
from runlet.execution import FeedbackNote
from runlet.languages import JAVASCRIPT

# Node.js signs off with its version after an uncaught error, and only then.
_SIGNATURE = re.compile(r"Node\.js v[0-9]+\.")
# Above the error: its place, a line of source, and a mark below that.
_PLACE = re.compile(rf"(?P<file>\S.*):{LINE_NUMBER}$")
_MARK = re.compile(r"\s*\^+\s*$")
_ERROR = re.compile(r"\[?(?P<kind>[^\W\d][\w$.]*)(?: \[\w+\])?(?:: (?P<message>.*))?$")
_FRAME = re.compile(rf" +at (?:[^/]*[( ])?{own_path(JAVASCRIPT.file_name)}:{LINE_NUMBER}:")
_OWN_FILE = re.compile(f"{own_path(JAVASCRIPT.file_name)}$")
_HEAP = re.compile(r"FATAL ERROR: (?P<message>.*heap out of memory)")

_LINES_OF_PLACE = 3


def _uncaught(lines: list[str]) -> FeedbackNote | None:
    ends = [index for index, text in enumerate(lines) if _SIGNATURE.match(text)]
    if not ends:
        return None
    before = lines[: ends[-1]]
    start = _place(before, marked=True)
    if start is None:
        start = _place(before, marked=False)
    return None if start is None else _note(before[start:])


def _place(lines: list[str], *, marked: bool) -> int | None:
    """Where the last error begins; source that ended too early has an empty line for a mark."""
    for index in range(len(lines) - _LINES_OF_PLACE, -1, -1):
        below = lines[index + 2]
        is_mark = _MARK.match(below) if marked else not below
        if is_mark and _PLACE.match(lines[index]):
            return index
    return None


def _note(lines: list[str]) -> FeedbackNote | None:
    said = lines[_LINES_OF_PLACE:]
    line = first_line_number(said, _FRAME) or _line_of_place(lines[0])
    error = _ERROR.match(said[1]) if len(said) > 1 and not said[0] else None
    if error is None:
        # No empty line above it: a value that is no Error was thrown.
        return note("uncaught_value", line, said[0]) if said and said[0] else None
    message = message_of(error, said[2:])
    if said[1].startswith("["):
        message = message.removesuffix(" {").removesuffix("]")
    return note(error.group("kind"), line, message)


def _line_of_place(text: str) -> int | None:
    place = _PLACE.match(text)
    return line_of(place) if place and _OWN_FILE.match(place.group("file")) else None


def _aborted(lines: list[str]) -> FeedbackNote | None:
    found = next(filter(None, map(_HEAP.match, reversed(lines))), None)
    return found and note("out_of_memory", None, found.group("message"))


FAMILY = Family(uncaught=_uncaught, aborted=_aborted)
