"""What a finding says, and which places of a program it is made for."""

import pytest

from runlet_loop_guard import EndlessLoop, endless_loops


def lines(language: str, source: str) -> list[int]:
    return [loop.line for loop in endless_loops(language, source)]


def test_a_finding_names_the_line_and_says_what_to_do() -> None:
    (loop,) = endless_loops("python", "print('a')\nwhile True:\n    print('b')\n")
    assert loop == EndlessLoop(
        line=2,
        message=(
            "This loop never ends: its condition is always true and nothing in it leaves it. "
            "Add a break, or a condition that becomes false."
        ),
    )


def test_a_forgotten_increment_is_told_apart_from_a_constant_condition() -> None:
    (loop,) = endless_loops("python", "i = 0\nwhile i < 3:\n    print(i)\n")
    assert "comes back to where it was" in loop.message


def test_a_step_in_the_wrong_direction_is_told_apart() -> None:
    (loop,) = endless_loops("python", "i = 5\nwhile i > 0:\n    i += 1\n")
    assert "further away from its end" in loop.message


def test_findings_come_in_the_order_of_lines() -> None:
    source = "i = 0\nwhile i < 1:\n    while True:\n        pass\n"
    assert lines("python", source) == [2, 3]


@pytest.mark.parametrize(
    "condition",
    ["True", "1", "not False", "(True)", "1 == 1", "2 > 1 and True", "not 0", "1 < 2 < 3"],
)
def test_a_condition_may_be_true_in_many_ways(condition: str) -> None:
    assert lines("python", f"while {condition}:\n    pass\n") == [1]


@pytest.mark.parametrize(
    ("language", "source"),
    [
        ("javascript", "do { } while (!0)"),
        ("javascript", "for (;;) { }"),
        ("c", "int main(void) { for (;;) { } }"),
        ("cpp", "int main() { while (true) { } }"),
        ("go", "package main\nfunc main() { for { } }"),
        ("java", "class Main { public static void main(String[] a) { do { } while (true); } }"),
        ("php", "<?php while (true): endwhile;"),
        ("ruby", "until false do end"),
        ("ruby", "loop { }"),
        ("ruby", "begin\nend until false"),
    ],
)
def test_every_language_has_its_own_ways_to_loop_for_ever(language: str, source: str) -> None:
    assert len(endless_loops(language, source)) == 1


def test_a_loop_in_a_function_counts_when_the_main_path_calls_it() -> None:
    spin = "def spin():\n    while True:\n        pass\n\n"
    assert lines("python", spin) == []
    assert lines("python", spin + "spin()\n") == [2]
    assert lines("python", spin + "def go():\n    spin()\n\ngo()\n") == [2]


def test_a_function_that_is_only_handed_on_does_not_count() -> None:
    source = "def spin():\n    while True:\n        pass\n\nregister(spin)\n"
    assert lines("python", source) == []


@pytest.mark.parametrize(
    "before", ["import sys\nsys.exit()\n", "exit()\n", "raise SystemExit\n", "quit(1)\n"]
)
def test_a_loop_behind_the_end_of_the_program_does_not_count(before: str) -> None:
    assert lines("python", f"{before}while True:\n    pass\n") == []


def test_a_break_that_cannot_be_reached_does_not_end_a_loop() -> None:
    assert lines("python", "while True:\n    if False:\n        break\n") == [1]
    assert lines("python", "while True:\n    continue\n    break\n") == [1]


def test_a_break_under_a_condition_that_never_holds_does_not_end_a_loop() -> None:
    source = "i = 0\nwhile True:\n    print(i)\n    if i > 3:\n        break\n"
    assert lines("python", source) == [2]


def test_a_raise_ends_a_loop_unless_the_loop_catches_it() -> None:
    caught = "while True:\n    try:\n        raise {}\n    except {}:\n        pass\n"
    assert lines("python", caught.format("ValueError", "ValueError")) == [1]
    assert lines("python", caught.format("ValueError", "Exception")) == [1]
    assert lines("python", caught.format("ValueError", "KeyError")) == []
    assert lines("python", caught.format("SystemExit", "Exception")) == []


def test_a_program_with_a_syntax_error_is_left_alone() -> None:
    assert lines("python", "while True:\n    pass\nprint(\n") == []


def test_a_program_with_timers_that_cannot_fire_is_still_endless() -> None:
    source = "setTimeout(() => process.exit(), 10);\nwhile (true) { }\n"
    assert lines("javascript", source) == [2]


def test_a_program_a_signal_may_stop_is_left_alone() -> None:
    source = "import signal\nsignal.alarm(1)\nwhile True:\n    pass\n"
    assert lines("python", source) == []
