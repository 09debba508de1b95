"""Faulty programs, what the real tools printed about them, and the notes that this must give.

The files are written by tests/data/capture.py.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runlet.execution import CompileResult, ExecutionResult, FeedbackNote, Reason
from runlet.languages import WORKING_DIRECTORY

CAPTURED = Path(__file__).parents[2] / "data" / "captured_errors"
MARK = "@@@ "
# Stands in the files where the tools named the folder that programs run in.
PLACE = "@@WORKING_DIRECTORY@@"
# A shell reports the end by a signal as an exit code above this.
_SIGNAL_BASE, _LAST_SIGNAL = 128, 31


@dataclass(frozen=True)
class CapturedError:
    """One program of one language, how it ended and what should be said about it."""

    language: str
    name: str
    result: ExecutionResult
    reason: Reason | None
    notes: tuple[FeedbackNote, ...]

    def __str__(self) -> str:
        return f"{self.language}-{self.name}"


def captured_errors() -> list[CapturedError]:
    """All that was captured, in all languages."""
    return [case for path in sorted(CAPTURED.glob("*.txt")) for case in _cases(path)]


def _cases(path: Path) -> Iterator[CapturedError]:
    told = path.read_text().replace(PLACE, WORKING_DIRECTORY)
    for text in told.split(f"{MARK}case ")[1:]:
        name, *sections = text.split(MARK)
        yield _case(path.stem, name.split("\n", 1)[0], dict(_section(text) for text in sections))


def _section(text: str) -> tuple[str, tuple[str, str]]:
    head, _, body = text.partition("\n")
    name, _, rest = head.partition(" ")
    return name, (rest.removeprefix("exit="), body)


def _case(language: str, name: str, sections: dict[str, tuple[str, str]]) -> CapturedError:
    result, reason = _ending(sections)
    notes = tuple(FeedbackNote(*json.loads(line)) for line in sections["notes"][1].splitlines())
    return CapturedError(language, name, result, reason, notes)


def _ending(sections: dict[str, tuple[str, str]]) -> tuple[ExecutionResult, Reason | None]:
    compiled: CompileResult | None = None
    if "compile" in sections:
        code, output = sections["compile"]
        compiled = CompileResult(int(code), "", output, 1)
    if "run" not in sections:
        return ExecutionResult(compile=compiled), Reason.COMPILE_ERROR
    code, output = sections["run"]
    signal = int(code) - _SIGNAL_BASE
    if 0 < signal <= _LAST_SIGNAL:
        return ExecutionResult(stderr=output, signal=signal, compile=compiled), Reason.SIGNAL
    result = ExecutionResult(stderr=output, exit_code=int(code), compile=compiled)
    return result, Reason.NONZERO_EXIT if int(code) else None
