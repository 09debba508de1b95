"""No output, however odd, raises, takes long or makes a note that is too long."""

import time

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from result_collector.feedback.errors import read_error
from runlet.execution import CompileResult, ExecutionResult, FeedbackNote, Reason
from runlet.languages import LANGUAGES
from support.data.captured_errors import captured_errors

MEBIBYTE = 1 << 20
# Reading 1 MiB takes some ms; a quadratic search of it would take minutes.
MOST_SECONDS = 1.0
MOST_CHARACTERS = 500

LINES = sorted(
    {
        line
        for case in captured_errors()
        for text in (case.result.stderr, case.result.compile and case.result.compile.stderr)
        for line in (text or "").split("\n")
    }
)
CRUEL = [
    "Traceback (most recent call last):\n",
    "Exception ignored in\nTraceback (most recent call last):\n",
    '  File "/tmp/work/main.py", line 1\n',
    '  File "/tmp/work/main.py", line ',
    "  + Exception Group Traceback (most recent call last):\n  | ",
    ": Assertion `",
    "x: main.c:1: ",
    "terminate called after throwing an instance of '",
    "*** ***: ",
    "main.c:1:1: error: ",
    "main.c:1:1: error: x\n  symbol: y\n",
    "main.cpp:1:1: required from here\n",
    ": undefined reference to ",
    "panic: x\n",
    "panic: x\ngoroutine 1 [\n",
    "\tpanic: ",
    'Exception in thread "" ',
    'Exception in thread "main" a.b: c\n',
    "Caused by: a: b\n",
    "Caused by: a.",
    "\tat (Main.java:",
    "Fatal error: Uncaught a: b in c\n",
    "Fatal error: Uncaught a in ",
    "Next a: b in c:1\n",
    "\nNext ",
    "#1 /tmp/work/main.php(",
    "main.rb:1:in `",
    "main.rb:1:in `a': b (C)\n",
    "main.rb:1:in `rescue in a': b (C)\n\tfrom x\n",
    "x:1",
    ":1:in `x': ",
    "main.rb:1: x\n",
    "Node.js v18.\n",
    "x:1\n\n^\n",
    "x:1\n\n\nNode.js v18.\n",
    "^",
    " ^\n",
    "    at (",
    " at a [",
    "a.b$",
    "[A [",
    "1",
    " ",
    "\n",
    "\x00",
    "(A) (",
]

OUTPUTS = st.one_of(
    st.text(),
    st.lists(st.one_of(st.sampled_from(LINES), st.text(max_size=20)), max_size=30).map("\n".join),
    st.lists(st.sampled_from(CRUEL), max_size=30).map("".join),
)


def _result(output: str, number: int | None = None) -> ExecutionResult:
    compiled = CompileResult(1, output, output, 1)
    return ExecutionResult(stdout=output, stderr=output, signal=number, compile=compiled)


def _check(notes: tuple[FeedbackNote, ...]) -> None:
    assert len(notes) <= 10
    for note in notes:
        assert 0 < len(note.kind) <= 100
        assert 0 < len(note.message) <= MOST_CHARACTERS
        assert note.line is None or note.line >= 1
        assert note.message.splitlines() == [note.message]
        assert "/tmp/work/" not in note.message
        assert "\0" not in note.message
    msgspec.json.encode(notes).decode()


@given(
    language=st.sampled_from([*LANGUAGES, ""]),
    output=OUTPUTS,
    reason=st.sampled_from([None, *Reason]),
    number=st.one_of(st.none(), st.integers(min_value=-1, max_value=80)),
)
@example("python", f"{CRUEL[0]}{CRUEL[3]}{'9' * 5000}\nA: b", Reason.NONZERO_EXIT, None)
@example("java", 'Exception in thread "main" A: \ud800', Reason.NONZERO_EXIT, None)
@example("go", "./main.go:0:1: x", Reason.COMPILE_ERROR, None)
@settings(max_examples=1500, deadline=None)
def test_any_output_gives_notes_within_bounds(
    language: str, output: str, reason: Reason | None, number: int | None
) -> None:
    _check(read_error(language, _result(output, number), reason))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("separator", ["", "\n"])
def test_a_mebibyte_of_cruel_output_is_read_quickly(language: str, separator: str) -> None:
    for piece in CRUEL:
        repeated = piece + separator
        output = repeated * (MEBIBYTE // len(repeated))
        for reason in (Reason.NONZERO_EXIT, Reason.SIGNAL, Reason.COMPILE_ERROR):
            began = time.process_time()
            notes = read_error(language, _result(output, 6), reason)
            took = time.process_time() - began
            assert took < MOST_SECONDS, f"{piece!r} took {took:.1f} s"
            _check(notes)


@pytest.mark.parametrize(
    ("language", "output"),
    [
        ("python", f"{CRUEL[0]}ValueError: {{}}\n"),
        ("javascript", "main.js:1\nx\n^\n\nError: {}\n\nNode.js v18.20.4\n"),
        ("go", "panic: {}\n\ngoroutine 1 [running]:\n"),
        ("java", 'Exception in thread "main" java.lang.Error: {}\n'),
        ("php", "Fatal error: Uncaught Error: {} in /tmp/work/main.php:3\n"),
        ("ruby", "main.rb:1:in `<main>': {} (RuntimeError)\n"),
    ],
)
def test_a_long_message_is_cut(language: str, output: str) -> None:
    result = ExecutionResult(stderr=output.format("word " * 2000))
    (found,) = read_error(language, result, Reason.NONZERO_EXIT)
    assert len(found.message) == MOST_CHARACTERS
    assert found.message.startswith("word word")
    assert found.message.endswith("\N{HORIZONTAL ELLIPSIS}")


def test_control_characters_do_not_reach_a_message() -> None:
    result = ExecutionResult(stderr=f"{CRUEL[0]}ValueError: \x1b[31mred\x07\x85 \u2028text\n")
    (found,) = read_error("python", result, Reason.NONZERO_EXIT)
    assert found.message == "[31mred text"
