"""What is known about the errors of one language."""

from collections.abc import Callable
from dataclasses import dataclass

from result_collector.feedback.errors.compilers import Compiler
from runlet.execution import FeedbackNote

Reader = Callable[[list[str]], FeedbackNote | None]


@dataclass(frozen=True)
class Family:
    """How to read what the tools of a language print.

    `uncaught` finds the error that ended a program with an exit code, `aborted` the one before a
    signal did, both in lines of standard error. `compiler` says how the compiler writes.
    """

    uncaught: Reader | None = None
    aborted: Reader | None = None
    compiler: Compiler | None = None
