"""Java: errors of javac, uncaught exceptions, and classes the launcher cannot start."""

import re
from itertools import pairwise

from result_collector.feedback.errors.compilers import Compiler
from result_collector.feedback.errors.output import LINE_NUMBER, first_line_number, message_of, note
from result_collector.feedback.errors.parser import Family
from runlet.execution import FeedbackNote
from runlet.languages import JAVA

_COMPILER = Compiler(
    JAVA.file_name,
    error=re.compile(rf"(?P<file>[^:\s][^:]*):{LINE_NUMBER}: error: (?P<message>.*)"),
    detail=re.compile(r"  (?P<detail>(?:symbol|required|found|reason): .*)"),
)

_NAMED = r"(?P<kind>[\w.$]+)(?:: ?(?P<message>.*))?$"
_UNCAUGHT = re.compile(rf'Exception in thread "(?P<thread>.*?)" {_NAMED}')
_CAUSE = re.compile(f"Caused by: {_NAMED}")
_FRAME = re.compile(rf"\tat .*?\({re.escape(JAVA.file_name)}:{LINE_NUMBER}\)")
_NOT_STARTED = re.compile(
    r"Error: (?P<message>(?:Could not find or load main class|Main method) .*)"
)


def _uncaught(lines: list[str]) -> FeedbackNote | None:
    found = {i: match for i, text in enumerate(lines) if (match := _UNCAUGHT.match(text))}
    if not found:
        return _not_started(lines)
    # Only the end of the main thread ends the program with an exit code.
    of_main = [index for index, match in found.items() if match.group("thread") == "main"]
    chosen = (of_main or list(found))[-1]
    end = next((index for index in found if index > chosen), len(lines))
    return _innermost(lines[chosen:end], found[chosen])


def _innermost(trace: list[str], error: re.Match[str]) -> FeedbackNote:
    """The exception itself, or its first cause that passed through the program when it did not."""
    errors = {0: error}
    errors.update({i: match for i, text in enumerate(trace) if (match := _CAUSE.match(text))})
    for start, end in pairwise([*errors, len(trace)]):
        line = first_line_number(trace[start:end], _FRAME)
        if line is not None:
            return _note(errors[start], line, trace[start + 1 : end])
    return _note(error, None, trace[1:])


def _note(error: re.Match[str], line: int | None, following: list[str]) -> FeedbackNote:
    kind = re.split(r"[.$]", error.group("kind"))[-1]
    return note(kind, line, message_of(error, following))


def _not_started(lines: list[str]) -> FeedbackNote | None:
    for index, text in enumerate(lines):
        if found := _NOT_STARTED.match(text):
            message = message_of(found, [line.strip() for line in lines[index + 1 : index + 2]])
            return note("main_not_found", None, message)
    return None


FAMILY = Family(compiler=_COMPILER, uncaught=_uncaught)
