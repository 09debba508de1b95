"""C and C++, as GCC, its linker and the C and C++ libraries report errors."""

import re

from result_collector.feedback.errors.compilers import Compiler
from result_collector.feedback.errors.output import LINE_NUMBER, line_of, note, own_path
from result_collector.feedback.errors.parser import Family, Reader
from runlet.execution import FeedbackNote

_ERROR = re.compile(
    rf"(?P<file>[^:\s][^:]*):{LINE_NUMBER}:(?:[0-9]+:)? (?:fatal )?error: (?P<message>.*)"
)
_LINK_ERROR = re.compile(
    r".*?: (?P<message>undefined reference to .*|multiple definition of [^;]*)"
)
_CONTEXT = re.compile(r"[^:]*: In ")

_UNCAUGHT = re.compile(r"terminate called after throwing an instance of '(?P<kind>.*)'$")
_TERMINATED = re.compile(r"(?P<message>terminate called .*)")
_WHAT = "  what():  "
# The C library's own words before it aborts.
_DAMAGE = re.compile(
    r"(?P<message>\*\*\* .* \*\*\*: terminated"
    r"|(?:free|malloc|calloc|realloc|munmap_chunk)\(\): .*"
    r"|double free or corruption .*|corrupted .*)"
)


def family(file_name: str) -> Family:
    """What GCC and its programs say about a program kept in `file_name`."""
    own = own_path(file_name)
    compiler = Compiler(
        file_name,
        error=_ERROR,
        link_error=_LINK_ERROR,
        origin=re.compile(rf"{own}:{LINE_NUMBER}:(?:[0-9]+:)? +required from here"),
        context=_CONTEXT,
    )
    return Family(compiler=compiler, aborted=_reader(own))


def _reader(own: str) -> Reader:
    assertion = re.compile(rf"[^:]*: {own}:{LINE_NUMBER}: .*?(?P<message>Assertion `.*)")

    def read(lines: list[str]) -> FeedbackNote | None:
        for index in range(len(lines) - 1, -1, -1):
            text = lines[index]
            if failed := assertion.match(text):
                return note("assertion_failed", line_of(failed), failed.group("message"))
            if thrown := _UNCAUGHT.match(text):
                return note(thrown.group("kind"), None, _what(lines, index, text))
            if gone := _TERMINATED.match(text) or _DAMAGE.match(text):
                return note("abort", None, gone.group("message"))
        return None

    return read


def _what(lines: list[str], index: int, otherwise: str) -> str:
    following = lines[index + 1] if index + 1 < len(lines) else ""
    return following.removeprefix(_WHAT) if following.startswith(_WHAT) else otherwise
