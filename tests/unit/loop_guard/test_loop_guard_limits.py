"""The guard takes any text there is, quickly, and never fails."""

import sys
import threading
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlet_loop_guard import endless_loops

LANGUAGES = ["python", "javascript", "c", "cpp", "go", "java", "php", "ruby"]
PIECES = [
    *("while", "while True:", "for", "for(;;)", "loop do", "until", "do", "end", "if", "else"),
    *("break", "continue", "return", "raise", "throw", "try:", "except:", "catch", "finally"),
    *("(", ")", "{", "}", "[", "]", ":", ";", ",", "\n", "\n    ", "=", "+=", "++", "<", "=="),
    *("x", "i", "f(", "def f():", "main", "1", "0", "'a'", '"', "//", "#", "<?php", "$x", "\0"),
]
PATIENCE_S = 2.0


def seconds_for(look: Callable[[], object]) -> float:
    before = time.thread_time()
    look()
    return time.thread_time() - before


@settings(max_examples=300, deadline=None)
@given(language=st.sampled_from([*LANGUAGES, "cobol", ""]), source=st.text())
def test_any_text_is_looked_at(language: str, source: str) -> None:
    assert isinstance(endless_loops(language, source), tuple)


@settings(max_examples=200, deadline=None)
@given(language=st.sampled_from(LANGUAGES), data=st.binary())
def test_bytes_that_are_no_text_are_looked_at(language: str, data: bytes) -> None:
    endless_loops(language, "while 1:" + data.decode("utf-8", "surrogateescape"))


@settings(max_examples=500, deadline=None)
@given(language=st.sampled_from(LANGUAGES), pieces=st.lists(st.sampled_from(PIECES), max_size=80))
def test_anything_that_resembles_a_program_is_looked_at(language: str, pieces: list[str]) -> None:
    source = " ".join(pieces)
    assert seconds_for(lambda: endless_loops(language, source)) < PATIENCE_S


@pytest.mark.parametrize(
    ("language", "source"),
    [
        ("python", "while True:\n" + "(" * 60_000),
        (
            "python",
            "".join(" " * depth + "while 1:\n" for depth in range(340)) + " " * 340 + "pass",
        ),
        ("python", "while x" + " + x" * 15_000 + ":\n    pass\n"),
        ("python", "x = 0\n" + "while x < 5:\n    x += 1\n" * 2_500),
        ("c", "int main(void) { " + "while (1) " * 6_000 + "; }"),
        ("c", "int main(void) { " + "while (1) {" * 4_000 + "}" * 4_000 + " }"),
        ("cpp", "int main() { while (1) x" + "<a" * 20_000 + "; }"),
        ("go", "package main\nfunc main() { " + "for {" * 8_000 + "}" * 8_000 + " }"),
        ("java", "class Main { void f() { " + "while (true) {" * 3_000 + "}" * 3_000 + " } }"),
        ("javascript", "while (true) { f(" + "a.b().c<" * 7_000 + "1) }"),
        ("javascript", "let a = 0; for (;;) { " + "if (a == 7) { a += 1 }\n" * 2_500 + "}"),
        ("php", "<?php while (1) " + "(" * 50_000),
        ("ruby", "loop do\n" * 4_000 + "end\n" * 4_000),
    ],
    ids=lambda value: str(value)[:24],
)
def test_huge_and_deep_programs_are_given_up_quickly(language: str, source: str) -> None:
    assert seconds_for(lambda: endless_loops(language, source)) < PATIENCE_S


def test_a_program_beyond_the_size_limit_is_not_looked_at() -> None:
    assert endless_loops("python", "while True:\n    pass\n" + "#" * 65_536) == ()


def test_the_size_limit_counts_bytes() -> None:
    assert endless_loops("python", "while True:\n    pass\n#" + "ü" * 40_000) == ()


def test_a_caller_with_little_stack_left_gets_an_answer() -> None:
    source = (
        "while True:\n" + "".join(f"{' ' * n}if x:\n" for n in range(1, 30)) + " " * 30 + "pass"
    )

    def descend(left: int) -> object:
        return descend(left - 1) if left else endless_loops("python", source)

    assert descend(sys.getrecursionlimit() - 120) == ()


def test_an_unknown_language_has_no_findings() -> None:
    assert endless_loops("brainfuck", "+[]") == ()


def test_threads_look_at_programs_side_by_side() -> None:
    found: list[int] = []

    def look() -> None:
        for language, source in (("python", "while 1:\n    pass\n"), ("javascript", "for (;;) {}")):
            found.extend(len(endless_loops(language, source)) for _ in range(50))

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1] * 800


def test_a_small_program_takes_about_a_millisecond() -> None:
    source = "import sys\ntotal = 0\nfor n in range(10):\n    total += n\n" * 3 + (
        "while True:\n    line = input()\n    if line == 'q':\n        break\n    print(line)\n"
    )
    endless_loops("python", source)
    best = min(seconds_for(lambda: endless_loops("python", source)) for _ in range(20))
    assert best < 0.005
