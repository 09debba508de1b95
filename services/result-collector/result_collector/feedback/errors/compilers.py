"""Errors of a compiler, one note for each."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from result_collector.feedback.errors.output import beginning, first_words, line_of, note
from runlet.execution import FeedbackNote

COMPILE_ERROR = "compile_error"
LINK_ERROR = "link_error"
MOST_NOTES = 10
_MOST_DETAILS = 4


@dataclass(frozen=True)
class Compiler:
    """How a compiler writes.

    `error` begins an error, with the groups `file`, `line` and `message`. `link_error` has
    `message` alone. Lines after an error that fit `detail` belong to it. `origin` is a line that
    says from which `line` of the program the errors that follow in a library's file come, until
    one that fits `context`. `chatter` names no error.
    """

    file_name: str
    error: re.Pattern[str]
    link_error: re.Pattern[str] | None = None
    detail: re.Pattern[str] | None = None
    origin: re.Pattern[str] | None = None
    context: re.Pattern[str] | None = None
    chatter: re.Pattern[str] | None = None


def diagnostics(compiler: Compiler, output: str) -> tuple[FeedbackNote, ...]:
    """The first errors in their order, each once; one note at least."""
    lines = beginning(output)
    notes = tuple(islice(dict.fromkeys(_notes(compiler, lines)), MOST_NOTES))
    return notes or (_unrecognized(compiler, lines),)


@dataclass
class _Error:
    match: re.Match[str]
    origin: int | None
    details: list[str]


def _notes(compiler: Compiler, lines: Iterable[str]) -> Iterator[FeedbackNote]:
    error: _Error | None = None
    origin: int | None = None
    for text in lines:
        if found := compiler.error.match(text):
            yield from _as_notes(compiler, error)
            error = _Error(found, origin, [])
        elif unlinked := _match(compiler.link_error, text):
            yield note(LINK_ERROR, None, unlinked.group("message"))
        elif detail := _match(compiler.detail, text):
            _add_detail(error, detail)
        elif place := _match(compiler.origin, text):
            origin = line_of(place)
        elif _match(compiler.context, text):
            origin = None
    yield from _as_notes(compiler, error)


def _match(pattern: re.Pattern[str] | None, text: str) -> re.Match[str] | None:
    return pattern.match(text) if pattern else None


def _add_detail(error: _Error | None, detail: re.Match[str]) -> None:
    if error and len(error.details) < _MOST_DETAILS:
        error.details.append(detail.group("detail"))


def _as_notes(compiler: Compiler, error: _Error | None) -> Iterator[FeedbackNote]:
    if error is None:
        return
    message = error.match.group("message")
    if error.details:
        message = f"{message} ({'; '.join(error.details)})"
    file = error.match.group("file").removeprefix("./")
    if file == compiler.file_name:
        yield note(COMPILE_ERROR, line_of(error.match), message)
    elif error.origin:
        yield note(COMPILE_ERROR, error.origin, message)
    else:
        place = f"{file.rpartition('/')[2]}:{error.match.group('line')}"
        yield note(COMPILE_ERROR, None, f"{place}: {message}")


def _unrecognized(compiler: Compiler, lines: list[str]) -> FeedbackNote:
    told = [line for line in lines if not _match(compiler.chatter, line)]
    words = first_words(line for line in told if "error" in line) or first_words(told)
    return note(COMPILE_ERROR, None, words or "The compiler stopped without saying why.")
