"""Python: uncaught exceptions, groups of them, and source that does not parse."""

import re
from collections.abc import Iterable
from itertools import takewhile

from result_collector.feedback.errors.output import LINE_NUMBER, line_of, message_of, note, own_path
from result_collector.feedback.errors.parser import Family
from runlet.execution import FeedbackNote
from runlet.languages import PYTHON

_TRACEBACK = "Traceback (most recent call last):"
_GROUP_TRACEBACK = f"  + Exception Group {_TRACEBACK}"
_GROUP_MARGIN = "  | "
# A destructor's exception ends no program.
_IGNORED = "Exception ignored in"

_FRAME = re.compile(rf'  File "{own_path(PYTHON.file_name)}", line {LINE_NUMBER}(?:,|$)')
_ERROR = re.compile(r"(?P<kind>[^\W\d][\w.<>]*)(?:: ?(?P<message>.*))?$")
_SYNTAX_ERRORS = frozenset({"SyntaxError", "IndentationError", "TabError"})


def _uncaught(lines: list[str]) -> FeedbackNote | None:
    starts = [i for i, text in enumerate(lines) if text in (_TRACEBACK, _GROUP_TRACEBACK)]
    ending = [i for i in starts if not (i and lines[i - 1].startswith(_IGNORED))]
    if not ending:
        return _not_parsed(lines)
    after = lines[ending[-1] + 1 :]
    if lines[ending[-1]] == _GROUP_TRACEBACK:
        after = list(_without_margin(after))
    return _note(after)


def _without_margin(lines: Iterable[str]) -> Iterable[str]:
    inside = takewhile(lambda text: text.startswith(_GROUP_MARGIN), lines)
    return (text.removeprefix(_GROUP_MARGIN) for text in inside)


def _not_parsed(lines: list[str]) -> FeedbackNote | None:
    """Source that does not parse has a place and an error, but no traceback."""
    places = [index for index, text in enumerate(lines) if _FRAME.match(text)]
    found = _note(lines[places[-1] :]) if places else None
    return found if found and found.kind in _SYNTAX_ERRORS else None


def _note(lines: list[str]) -> FeedbackNote | None:
    """The innermost frame of the program, and the error on the first line without an indent."""
    innermost: int | None = None
    for index, text in enumerate(lines):
        if frame := _FRAME.match(text):
            innermost = line_of(frame)
        elif not text.startswith(" "):
            return _named(text, innermost, lines[index + 1 :])
    return None


def _named(text: str, line: int | None, following: list[str]) -> FeedbackNote | None:
    error = _ERROR.match(text)
    if error is None:
        return None
    kind = error.group("kind").rpartition(".")[2]
    return note(kind, line, message_of(error, following))


FAMILY = Family(uncaught=_uncaught)
