"""Limits, signals, and output that only looks like an error."""

import signal

import pytest

from result_collector.feedback.errors import read_error
from runlet.execution import CompileResult, ExecutionResult, FeedbackNote, Reason
from runlet.languages import LANGUAGES

LIMITS = (Reason.TIME_LIMIT, Reason.MEMORY_LIMIT, Reason.OUTPUT_LIMIT)
TRACEBACK = (
    "Traceback (most recent call last):\n"
    '  File "/tmp/work/main.py", line 3, in <module>\n'
    "KeyError: 'a'\n"
)
HEAP_EXHAUSTED = """
<--- JS stacktrace --->

FATAL ERROR: Ineffective mark-compacts near heap limit Allocation failed - JavaScript heap out of \
memory
 1: 0x7f0b6b5e8938 node::Abort() [/lib/x86_64-linux-gnu/libnode.so.108]
 2: 0x7f0b6b4db0da  [/lib/x86_64-linux-gnu/libnode.so.108]
"""


def _ended_by(number: int | None, stderr: str = "", language: str = "c") -> FeedbackNote:
    (found,) = read_error(language, ExecutionResult(stderr=stderr, signal=number), Reason.SIGNAL)
    return found


def _compiled(language: str, stderr: str) -> tuple[FeedbackNote, ...]:
    compiled = CompileResult(1, "", stderr, 1)
    return read_error(language, ExecutionResult(compile=compiled), Reason.COMPILE_ERROR)


@pytest.mark.parametrize("language", [*LANGUAGES, "cobol"])
@pytest.mark.parametrize("reason", LIMITS)
def test_a_limit_is_explained_without_a_line(language: str, reason: Reason) -> None:
    (found,) = read_error(language, ExecutionResult(stderr=TRACEBACK), reason)
    assert (found.kind, found.line) == (reason.value, None)
    assert found.message.startswith("The program ")


@pytest.mark.parametrize("reason", LIMITS)
@pytest.mark.parametrize("exit_code", [None, 1])
def test_a_limit_that_the_compiler_met_is_told_from_the_programs(
    reason: Reason, exit_code: int | None
) -> None:
    result = ExecutionResult(compile=CompileResult(exit_code, "", "", 30_000))
    assert read_error("cpp", result, reason)[0].message.startswith("The compiler ")


@pytest.mark.parametrize("reason", LIMITS)
def test_a_limit_of_a_compiled_program_is_the_programs(reason: Reason) -> None:
    result = ExecutionResult(compile=CompileResult(0, "", "", 400))
    assert read_error("cpp", result, reason)[0].message.startswith("The program ")


@pytest.mark.parametrize(
    "reason", [None, Reason.CANCELLED, Reason.INFRASTRUCTURE, Reason.LOST, Reason.COMPILE_ERROR]
)
def test_other_endings_say_nothing_about_the_program(reason: Reason | None) -> None:
    assert read_error("python", ExecutionResult(stderr=TRACEBACK, exit_code=1), reason) == ()


def test_an_unknown_language_says_nothing_about_an_error() -> None:
    assert read_error("cobol", ExecutionResult(stderr=TRACEBACK), Reason.NONZERO_EXIT) == ()


def test_what_is_printed_on_standard_output_is_no_error() -> None:
    result = ExecutionResult(stdout=TRACEBACK, exit_code=1)
    assert read_error("python", result, Reason.NONZERO_EXIT) == ()


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (signal.SIGSEGV, "segmentation_fault"),
        (signal.SIGFPE, "floating_point_exception"),
        (signal.SIGABRT, "abort"),
        (signal.SIGBUS, "bus_error"),
        (signal.SIGILL, "illegal_instruction"),
        (signal.SIGUSR1, "signal"),
        (None, "signal"),
        (4711, "signal"),
    ],
)
def test_a_signal_is_explained(number: int | None, kind: str) -> None:
    assert (_ended_by(number).kind, _ended_by(number).line) == (kind, None)


def test_an_interpreter_that_crashed_is_explained_by_its_signal() -> None:
    found = _ended_by(signal.SIGSEGV, TRACEBACK, language="python")
    assert found.kind == "segmentation_fault"


def test_an_exhausted_heap_of_node_is_named() -> None:
    found = _ended_by(signal.SIGABRT, HEAP_EXHAUSTED, language="javascript")
    assert found.kind == "out_of_memory"
    assert found.message.endswith("JavaScript heap out of memory")


def test_a_stack_overflow_of_java_is_found_above_its_thousand_frames() -> None:
    frames = "\tat Main.aRatherLongNameForAMethodThatCallsItselfForEver(Main.java:3)\n" * 4096
    stderr = f'Exception in thread "main" java.lang.StackOverflowError\n{frames}'
    (found,) = read_error("java", ExecutionResult(stderr=stderr), Reason.NONZERO_EXIT)
    assert (found.kind, found.line) == ("StackOverflowError", 3)


def test_a_deadlock_is_found_above_thousands_of_goroutines() -> None:
    waiting = "goroutine 7 [chan send]:\nmain.main.func1()\n\t/tmp/work/main.go:9 +0x25\n\n" * 5000
    stderr = (
        "fatal error: all goroutines are asleep - deadlock!\n\n"
        f"goroutine 1 [chan send]:\nmain.main()\n\t/tmp/work/main.go:12 +0x31\n\n{waiting}"
    )
    (found,) = read_error("go", ExecutionResult(stderr=stderr), Reason.NONZERO_EXIT)
    assert (found.kind, found.line) == ("deadlock", 12)


def test_a_trace_that_the_output_limit_cut_gives_nothing() -> None:
    result = ExecutionResult(stderr=TRACEBACK.rpartition("KeyError")[0], exit_code=1)
    assert read_error("python", result, Reason.NONZERO_EXIT) == ()


def test_a_file_of_the_same_name_elsewhere_is_not_the_programs() -> None:
    stderr = TRACEBACK.replace(
        "KeyError", '  File "/usr/lib/python3.11/main.py", line 99, in f\nKeyError'
    )
    (found,) = read_error("python", ExecutionResult(stderr=stderr), Reason.NONZERO_EXIT)
    assert found.line == 3


def test_the_exception_of_the_main_thread_counts_even_when_another_follows() -> None:
    stderr = (
        'Exception in thread "main" java.lang.Error: mine\n\tat Main.main(Main.java:6)\n'
        'Exception in thread "Thread-0" java.lang.Error: other\n\tat Main.run(Main.java:3)\n'
    )
    (found,) = read_error("java", ExecutionResult(stderr=stderr), Reason.NONZERO_EXIT)
    assert (found.line, found.message) == (6, "mine")


def test_errors_of_a_compiler_are_ten_at_most_in_order_and_each_once() -> None:
    errors = [f"main.c:{line}:1: error: wrong\n" for line in range(30, 0, -1)]
    found = _compiled("c", "".join(errors[:3] + errors))
    assert [note.line for note in found] == list(range(30, 20, -1))


@pytest.mark.parametrize("language", ["c", "cpp", "go", "java"])
def test_a_compiler_that_says_nothing_known_is_quoted(language: str) -> None:
    assert _compiled(language, "\nout of cheese\n")[0].message == "out of cheese"
    assert _compiled(language, "")[0].message == "The compiler stopped without saying why."


def test_an_error_in_a_library_is_not_blamed_on_an_earlier_place() -> None:
    found = _compiled(
        "cpp",
        "main.cpp:6:14:   required from here\n"
        "/usr/include/x.h:1:1: error: first\n"
        "/usr/include/y.h: In function 'int f()':\n"
        "/usr/include/y.h:2:1: error: second\n",
    )
    assert [(note.line, note.message) for note in found] == [(6, "first"), (None, "y.h:2: second")]
