"""What is said about a program that a signal ended without a word of its own."""

import signal

from result_collector.feedback.errors.output import note
from runlet.execution import FeedbackNote

_KNOWN: dict[int, tuple[str, str]] = {
    signal.SIGSEGV: (
        "segmentation_fault",
        "The program used memory that is not its own (SIGSEGV). Look for an index outside an "
        "array, a pointer that is null or freed, or a recursion without an end.",
    ),
    signal.SIGBUS: (
        "bus_error",
        "The program used memory that does not exist (SIGBUS). Look for a wrong pointer or a "
        "mapped file that became shorter.",
    ),
    signal.SIGFPE: (
        "floating_point_exception",
        "The program made a calculation that has no result (SIGFPE), most often a division of "
        "whole numbers by zero. Check the divisor first.",
    ),
    signal.SIGABRT: (
        "abort",
        "The program gave up (SIGABRT): it called abort(), or the library found its memory "
        "damaged. Look for what it printed last.",
    ),
    signal.SIGILL: (
        "illegal_instruction",
        "The program came to an instruction the processor does not know (SIGILL). Look for a "
        "function that ends without a return, or a wrong function pointer.",
    ),
    signal.SIGTRAP: (
        "trap",
        "The program stopped itself (SIGTRAP). Look for a check that failed or a breakpoint.",
    ),
    signal.SIGPIPE: (
        "broken_pipe",
        "The program wrote to something that nobody reads any more (SIGPIPE).",
    ),
    signal.SIGKILL: ("killed", "The program was killed (SIGKILL) before it had ended."),
}


def signal_note(number: int | None) -> FeedbackNote:
    """What the signal means and where to look; `number` is the one of Linux."""
    known = None if number is None else _KNOWN.get(number)
    if known:
        return note(known[0], None, known[1])
    which = "a signal" if number is None else f"signal {number}"
    return note("signal", None, f"The program was ended by {which}.")
