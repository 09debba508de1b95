"""What the real tools printed about faulty programs becomes the notes written beside it."""

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from result_collector.feedback.errors import read_error
from support.data.captured_errors import CapturedError, captured_errors

CASES = captured_errors()
# What a program prints itself, in words that are no error of any tool.
NOISE = st.lists(st.text("a line of its own", max_size=40), max_size=30)
MUCH_NOISE = ["a line of the program's own"] * 40_000


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_real_error_becomes_its_notes(case: CapturedError) -> None:
    assert read_error(case.language, case.result, case.reason) == case.notes
    assert read_error(case.language, case.result, None) == (), "The run succeeded."


@pytest.mark.parametrize("case", [case for case in CASES if case.result.stderr], ids=str)
@given(noise=NOISE, newline=st.sampled_from(["\n", "\r\n"]))
@example(noise=MUCH_NOISE, newline="\n")
@example(noise=[], newline="\r\n")
@settings(max_examples=4, deadline=None)
def test_what_the_program_printed_before_and_how_lines_end_change_nothing(
    case: CapturedError, noise: list[str], newline: str
) -> None:
    lines = [*noise, *case.result.stderr.split("\n")]
    result = replace(case.result, stderr=newline.join(lines))
    assert read_error(case.language, result, case.reason) == case.notes
