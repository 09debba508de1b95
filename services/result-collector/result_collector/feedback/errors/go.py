"""Go: errors of `go build`, panics and fatal errors of the runtime."""

import re
from itertools import takewhile

from result_collector.feedback.errors.compilers import Compiler
from result_collector.feedback.errors.output import (
    LINE_NUMBER,
    first_line_number,
    first_words,
    note,
    own_path,
)
from result_collector.feedback.errors.parser import Family
from runlet.execution import FeedbackNote
from runlet.languages import GO

_COMPILER = Compiler(
    GO.file_name,
    error=re.compile(
        rf"(?P<file>[^:\s]+\.go):{LINE_NUMBER}:(?:[0-9]+:)? (?P<message>.*?)(?: in any of:)?$"
    ),
    detail=re.compile(r"\t(?P<detail>(?:have|want) .*)"),
    chatter=re.compile("# "),
)

_CRASH = re.compile(r"(?P<what>panic|fatal error): (?P<message>.*)")
_NEXT_PANIC = "\tpanic: "
_TRACE = re.compile(r"goroutine [0-9]+ \[")
_FRAME = re.compile(rf"\t{own_path(GO.file_name)}:{LINE_NUMBER}(?: |$)")
_DEADLOCK = "all goroutines are asleep"


def _uncaught(lines: list[str]) -> FeedbackNote | None:
    """The last panic or fatal error, if a trace of goroutines follows; without one it is text."""
    crashes = [index for index, text in enumerate(lines) if _CRASH.match(text)]
    if not crashes:
        return None
    after = lines[crashes[-1] :]
    said = list(takewhile(lambda text: not _TRACE.match(text), after))
    crash = _CRASH.match(said[0])
    if crash is None or len(said) == len(after):
        return None
    line = first_line_number(after[len(said) :], _FRAME)
    if crash.group("what") == "panic":
        return note("panic", line, _message_of_panic(crash.group("message"), said))
    kind = "deadlock" if _DEADLOCK in crash.group("message") else "fatal_error"
    return note(kind, line, crash.group("message"))


def _message_of_panic(message: str, said: list[str]) -> str:
    """The words of the last panic: a deferred function may panic while the first one unwinds."""
    later = [text.removeprefix(_NEXT_PANIC) for text in said if text.startswith(_NEXT_PANIC)]
    words = later[-1] if later else first_words([message, *said[1:]])
    return words.removesuffix(" [recovered]")


FAMILY = Family(compiler=_COMPILER, uncaught=_uncaught)
