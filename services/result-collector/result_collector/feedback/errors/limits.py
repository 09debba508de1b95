"""What is said about a program that met a limit."""

from typing import TypeGuard

from result_collector.feedback.errors.output import note
from runlet.execution import FeedbackNote, Reason

_IN_PROGRAM = {
    Reason.TIME_LIMIT: (
        "The program did not finish within its time limit. Look for a loop that never ends or "
        "for input it waits for, or find a way that takes fewer steps."
    ),
    Reason.MEMORY_LIMIT: (
        "The program needed more memory than its limit allows. Look for a collection that keeps "
        "growing or a recursion without an end, or keep less data at once."
    ),
    Reason.OUTPUT_LIMIT: (
        "The program printed more than the output limit allows. Look for a loop that keeps "
        "printing, or print less."
    ),
}
_IN_COMPILER = {
    Reason.TIME_LIMIT: (
        "The compiler did not finish within its time limit. Look for templates, macros or "
        "constants that expand without an end, or make the program smaller."
    ),
    Reason.MEMORY_LIMIT: (
        "The compiler needed more memory than the limit allows. Look for very large constants or "
        "templates, make the program smaller, or ask for a higher memory limit."
    ),
    Reason.OUTPUT_LIMIT: (
        "The compiler printed more than the output limit allows. Correct the first errors it "
        "reports and run the program again."
    ),
}


def is_limit(reason: Reason | None) -> TypeGuard[Reason]:
    """Whether a run ended because it met a limit."""
    return reason in _IN_PROGRAM


def limit_note(reason: Reason, *, in_compiler: bool) -> FeedbackNote:
    """What happened and what to try, named after the limit."""
    sentences = _IN_COMPILER if in_compiler else _IN_PROGRAM
    return note(reason, None, sentences[reason])
