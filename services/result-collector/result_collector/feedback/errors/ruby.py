"""Ruby: uncaught exceptions with their causes, and source that does not parse."""

import re

from result_collector.feedback.errors.output import (
    LINE_NUMBER,
    UNNAMED,
    first_line_number,
    line_of,
    note,
    own_path,
)
from result_collector.feedback.errors.parser import Family
from runlet.execution import FeedbackNote
from runlet.languages import RUBY

_OWN = own_path(RUBY.file_name)
_ERROR = re.compile(r"\S[^`']*?:[0-9]+:in [`'].*?': (?P<words>.*)$")
_NAME = re.compile(r"[A-Z]\w*(?:::[A-Z]\w*)*$")
_FROM = ("\tfrom ", "\t ... ")
_PLACE = re.compile(rf"(?:\tfrom )?{_OWN}:{LINE_NUMBER}:in ")
_NOT_PARSED = re.compile(
    rf"(?:{re.escape(RUBY.file_name)}: )?{_OWN}:{LINE_NUMBER}: (?P<message>.*)$"
)
_HANDLING = re.compile("[`'](?:rescue|ensure) in ")
_MARK = re.compile(r"\s*[\^~]+\s*$")


def _uncaught(lines: list[str]) -> FeedbackNote | None:
    errors = {i: match for i, text in enumerate(lines) if (match := _ERROR.match(text))}
    if not errors:
        return _syntax_error(lines)
    start = _outermost(lines, list(errors))
    kind, message = _kind_and_message(errors[start].group("words"))
    return note(kind, first_line_number(lines[start:], _PLACE), message)


def _outermost(lines: list[str], starts: list[int]) -> int:
    """Where the error begins that the others at the end are causes of: it is printed first.

    An error has a cause when it was raised where another was handled. What else is printed above
    an error was handled, and is none of its effects.
    """
    start = starts.pop()
    while starts and _has_cause(lines[starts[-1] : start]):
        start = starts.pop()
    return start


def _has_cause(lines: list[str]) -> bool:
    return lines[-1].startswith(_FROM) and any(_HANDLING.search(line) for line in lines)


def _kind_and_message(words: str) -> tuple[str, str]:
    if words == "unhandled exception":
        return "RuntimeError", words
    if _NAME.match(words):
        return words, words
    message, found, name = words.removesuffix(")").rpartition(" (")
    if found and words.endswith(")"):
        return (name if _NAME.match(name) else UNNAMED), message
    return UNNAMED, words


def _syntax_error(lines: list[str]) -> FeedbackNote | None:
    for index, text in enumerate(lines):
        found = _NOT_PARSED.match(text)
        if found and _is_syntax_error(found.group("message"), lines[index + 1 : index + 3]):
            message = found.group("message").removeprefix("syntax error, ")
            return note("SyntaxError", line_of(found), message)
    return None


def _is_syntax_error(message: str, below: list[str]) -> bool:
    """By its name, or by the mark under the source that follows every other such error."""
    if message.startswith("warning: "):
        return False
    return message.startswith("syntax error") or (len(below) > 1 and bool(_MARK.match(below[1])))


FAMILY = Family(uncaught=_uncaught)
