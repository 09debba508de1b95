"""From the result of a run to the notes that explain its end."""

from result_collector.feedback.errors.compilers import diagnostics
from result_collector.feedback.errors.limits import is_limit, limit_note
from result_collector.feedback.errors.output import windows
from result_collector.feedback.errors.parser import Reader
from result_collector.feedback.errors.parsers import FAMILIES, NO_FAMILY
from result_collector.feedback.errors.signals import signal_note
from runlet.execution import CompileResult, ExecutionResult, FeedbackNote, Reason


def read_error(
    language: str, result: ExecutionResult, reason: Reason | None
) -> tuple[FeedbackNote, ...]:
    """What went wrong, for the person who wrote the program.

    One note at most about a run, ten at most about errors of a compiler, in its order. Nothing for
    a run that succeeded, was cancelled or failed through the platform, and nothing when the output
    names no error. Takes any language and any output, in time linear in its length.
    """
    family = FAMILIES.get(language, NO_FAMILY)
    if is_limit(reason):
        return (limit_note(reason, in_compiler=_failed(result.compile)),)
    if reason is Reason.COMPILE_ERROR and family.compiler and result.compile:
        return diagnostics(family.compiler, result.compile.stderr)
    if reason is Reason.NONZERO_EXIT:
        return _only(_first(family.uncaught, result.stderr))
    if reason is Reason.SIGNAL:
        return _only(_first(family.aborted, result.stderr) or signal_note(result.signal))
    return ()


def _failed(compiled: CompileResult | None) -> bool:
    return compiled is not None and compiled.exit_code != 0


def _first(reader: Reader | None, output: str) -> FeedbackNote | None:
    if reader is None:
        return None
    found = (reader(window) for window in windows(output))
    return next((note for note in found if note is not None), None)


def _only(note: FeedbackNote | None) -> tuple[FeedbackNote, ...]:
    return () if note is None else (note,)
