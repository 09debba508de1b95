"""PHP: fatal errors, parse errors and uncaught exceptions."""

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
from runlet.languages import PHP

_OWN = own_path(PHP.file_name)
_FATAL = re.compile(r"(?:PHP )?(?P<what>Fatal|Parse) error: +(?P<message>.*)")
_NAMED = r"(?P<kind>[\w\\]+)(?:: (?P<message>.*)| in \S+$)"
_UNCAUGHT = re.compile(f"Uncaught {_NAMED}")
# The exception that has the one above it as its previous one.
_NEXT = re.compile(f"Next {_NAMED}")
_PLACE = re.compile(rf"{_OWN} on line {LINE_NUMBER}$")
_RAISED_AT = re.compile(r"\S+:[0-9]+$")
_THROWN = re.compile(rf"  thrown in {_OWN} on line {LINE_NUMBER}$")
_FRAME = re.compile(rf"#[0-9]+ {_OWN}\({LINE_NUMBER}\)")


def _uncaught(lines: list[str]) -> FeedbackNote | None:
    fatal = [index for index, text in enumerate(lines) if _FATAL.match(text)]
    if not fatal:
        return None
    said = lines[fatal[-1] :]
    found = _FATAL.match(said[0])
    if found is None:
        return None
    if uncaught := _UNCAUGHT.match(found.group("message")):
        return _exception(uncaught, said)
    kind = "ParseError" if found.group("what") == "Parse" else "fatal_error"
    message, _, place = found.group("message").rpartition(" in ")
    return note(kind, line_of(_PLACE.match(place)), message or place)


def _exception(error: re.Match[str], said: list[str]) -> FeedbackNote:
    """The last exception of a chain: it is the one that nobody caught."""
    start = 0
    for index, text in enumerate(said):
        if following := _NEXT.match(text):
            start, error = index, following
    trace = said[start:]
    thrown = first_line_number(trace, _THROWN)
    return note(
        error.group("kind"), thrown or first_line_number(trace, _FRAME), _words(error, trace)
    )


def _words(error: re.Match[str], trace: list[str]) -> str:
    text = message_of(error, trace[1:])
    words, _, place = text.rpartition(" in ")
    # The place ends the message, which may have more lines than this one.
    return words.removesuffix(" and defined") if _RAISED_AT.match(place) else text


FAMILY = Family(uncaught=_uncaught)
