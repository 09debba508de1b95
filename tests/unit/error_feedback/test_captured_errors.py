"""What the real tools printed about faulty programs becomes the notes written beside it."""

from dataclasses import replace

import pytest

from result_collector.feedback.errors import read_error
from runlet.execution import ExecutionResult
from runlet.languages import LANGUAGES
from support.data.captured_errors import CapturedError, captured_errors

CASES = captured_errors()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_real_error_becomes_its_notes(case: CapturedError) -> None:
    assert read_error(case.language, case.result, case.reason) == case.notes


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_same_output_of_a_run_that_succeeded_says_nothing(case: CapturedError) -> None:
    assert read_error(case.language, case.result, None) == ()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_lines_are_lines_of_the_program(case: CapturedError) -> None:
    assert all(note.line is None or 1 <= note.line <= 20 for note in case.notes)


def test_every_language_has_errors_of_each_sort() -> None:
    for language in LANGUAGES:
        names = " ".join(case.name for case in CASES if case.language == language)
        assert "syntax_error" in names or "missing_semicolon" in names
        assert "another_file" in names or "included_file" in names or language in ("go", "cpp")
        assert len(names.split()) >= 12


@pytest.mark.parametrize("case", [case for case in CASES if case.result.stderr], ids=str)
def test_an_error_below_much_other_output_is_found(case: CapturedError) -> None:
    noise = "a line of the program's own\n" * 40_000
    result = _with_stderr(case, noise + case.result.stderr)
    assert read_error(case.language, result, case.reason) == case.notes


@pytest.mark.parametrize("case", [case for case in CASES if case.result.stderr], ids=str)
def test_lines_may_end_as_on_windows(case: CapturedError) -> None:
    result = _with_stderr(case, case.result.stderr.replace("\n", "\r\n"))
    assert read_error(case.language, result, case.reason) == case.notes


def _with_stderr(case: CapturedError, stderr: str) -> ExecutionResult:
    return replace(case.result, stderr=stderr)
