"""What a deployment does about programs that can never end."""

from collections.abc import Iterable
from enum import StrEnum

from execution_api.runs.rate_limits import Cause
from runlet.execution import FeedbackNote
from runlet_http.problems import invalid
from runlet_loop_guard import EndlessLoop, endless_loops

KIND = "endless_loop"


class LoopGuard(StrEnum):
    """Say nothing, say it with the result, or do not run the program at all."""

    OFF = "off"
    WARN = "warn"
    REJECT = "reject"


def warm_up(guard: LoopGuard, languages: Iterable[str]) -> None:
    """Load the grammars before the first run needs them."""
    if guard is not LoopGuard.OFF:
        for language in languages:
            endless_loops(language, "")


def check(guard: LoopGuard, language: str, source_code: str) -> tuple[FeedbackNote, ...]:
    """What to tell the learner about loops. Raises ProblemError 422 where they are rejected."""
    if guard is LoopGuard.OFF:
        return ()
    loops = endless_loops(language, source_code)
    if loops and guard is LoopGuard.REJECT:
        sentences = (_sentence(loop) for loop in loops)
        raise invalid("source_code", *sentences, cause=Cause.ENDLESS_LOOP)
    return tuple(FeedbackNote(KIND, loop.line, loop.message) for loop in loops)


def _sentence(loop: EndlessLoop) -> str:
    return f"Line {loop.line}: {loop.message}"
