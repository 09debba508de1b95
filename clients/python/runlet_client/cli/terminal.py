"""Where output goes: the program's own untouched, everything else only as loud as fits."""

import json
import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, is_dataclass
from datetime import datetime
from typing import Any, TextIO

_RED, _DIM, _PLAIN = "\x1b[31m", "\x1b[2m", "\x1b[0m"
_CLEAR_LINE = "\r\x1b[K"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass
class Console:
    """Standard output and standard error; colour and progress only where a person looks."""

    out: TextIO
    err: TextIO
    progress_shown: bool = field(default=False, init=False)

    @property
    def is_watched(self) -> bool:
        """Whether standard error is a terminal that can do more than print."""
        return self.err.isatty() and os.environ.get("TERM") != "dumb"

    def output(self, text: str) -> None:
        """What the program printed to standard output, as it is."""
        self._write(self.out, text)

    def errors(self, text: str) -> None:
        """What the program printed to standard error, as it is."""
        self._write(self.err, text)

    def line(self, text: str) -> None:
        """A line of an answer, without what would control a terminal."""
        self._write(self.out, self._harmless(text) + "\n")

    def say(self, sentence: str) -> None:
        """Show an error."""
        self._write(self.err, f"{self._coloured(_RED, 'runlet:')} {self._harmless(sentence)}\n")

    def note(self, sentence: str) -> None:
        """Show what only a person wants to know."""
        if self.is_watched:
            self._write(self.err, self._coloured(_DIM, self._harmless(sentence)) + "\n")

    def progress(self, sentence: str) -> None:
        """Show what is being waited for, until something else is shown."""
        if self.is_watched:
            self.clear()
            self.err.write(self._coloured(_DIM, sentence))
            self.err.flush()
            self.progress_shown = True

    def clear(self) -> None:
        """Clear the progress."""
        if self.progress_shown:
            self.progress_shown = False
            self.err.write(_CLEAR_LINE)
            self.err.flush()

    def document(self, value: Any) -> None:
        """An answer for programs, with the field names of the API."""
        self._write(self.out, json.dumps(value, default=_plain, indent=2) + "\n")

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """An answer in columns."""
        lines = [[self._harmless(" ".join(cell.split())) for cell in row] for row in (head, *rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for cells in lines:
            padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
            self._write(self.out, "  ".join(padded).rstrip() + "\n")

    def _write(self, stream: TextIO, text: str) -> None:
        self.clear()
        stream.write(text)
        stream.flush()

    def _coloured(self, colour: str, text: str) -> str:
        if not self.is_watched or os.environ.get("NO_COLOR"):
            return text
        return f"{colour}{text}{_PLAIN}"

    def _harmless(self, text: str) -> str:
        return _CONTROL.sub("\ufffd", text)


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is nothing for JSON")
