"""The program to run, read from the files and options of the command line."""

import argparse
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from runlet_client.cli.arguments import NamedFile, UsageError
from runlet_client.client import Runlet
from runlet_client.models import ExecutionState, File

_LANGUAGE_OF_ENDING = {
    ".py": "python",
    ".js": "javascript",
    ".mjs": "javascript",
    ".cjs": "javascript",
    ".c": "c",
    ".cc": "cpp",
    ".cpp": "cpp",
    ".cxx": "cpp",
    ".go": "go",
    ".java": "java",
    ".php": "php",
    ".rb": "ruby",
}
_INPUT = "-"


@dataclass(frozen=True)
class Program:
    """A program and all that it gets; its key makes starting it again the same start."""

    language: str
    source_code: str
    stdin: str | None
    args: tuple[str, ...]
    files: tuple[File, ...]
    time_limit_ms: int | None
    memory_limit_mb: int | None
    key: str

    def start(self, client: Runlet, session_id: str) -> ExecutionState:
        """Ask for the run; asking again gives the same execution."""
        return client.run(
            session_id,
            stdin=self.stdin,
            args=self.args,
            files=self.files,
            time_limit_ms=self.time_limit_ms,
            memory_limit_mb=self.memory_limit_mb,
            idempotency_key=self.key,
        )


def read(arguments: argparse.Namespace) -> Program:
    """The program. Raises OSError for a file that cannot be read, UsageError for wrong usage."""
    if str(arguments.file) == _INPUT == arguments.stdin:
        raise UsageError("Both the program and its input are to come from -. Use a file for one.")
    return Program(
        language=arguments.language or _language(arguments.file),
        source_code=_text(arguments.file),
        stdin=_stdin(arguments.stdin),
        args=tuple(arguments.arg),
        files=tuple(_beside(file) for file in arguments.files),
        time_limit_ms=arguments.time_limit,
        memory_limit_mb=arguments.memory,
        key=str(uuid.uuid4()),
    )


def _language(path: Path) -> str:
    known = _LANGUAGE_OF_ENDING.get(path.suffix.lower())
    if known is None:
        raise UsageError(
            f"The ending of {path} does not tell its language. Name it with --language; "
            "`runlet languages` lists them."
        )
    return known


def _text(path: Path) -> str:
    if str(path) == _INPUT:
        return _decoded(sys.stdin.buffer.read, "The program on standard input")
    return _decoded(path.read_bytes, str(path))


def _stdin(option: str | None) -> str | None:
    if option != _INPUT:
        return option
    return _decoded(sys.stdin.buffer.read, "Standard input")


def _decoded(read_bytes: Callable[[], bytes], what: str) -> str:
    try:
        return read_bytes().decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"{what} is not UTF-8 text (at byte {error.start}).") from error


def _beside(file: NamedFile) -> File:
    """Text as text, everything else as bytes."""
    content = file.path.read_bytes()
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return File(file.name, content)
    return File(file.name, content if "\0" in text else text)
