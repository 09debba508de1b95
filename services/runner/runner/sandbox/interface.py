"""What the runner asks of a sandbox, whatever stands behind it."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Literal, Protocol

from runlet.execution import ExecutionResult, Reason
from runlet.languages import Language
from runlet.limits import Limits
from runner.sandbox.cancellation_token import StopRequest

StreamName = Literal["stdout", "stderr"]
# Takes a piece of a stream and the number of characters before it; the future is done when the
# piece has arrived, and carries an exception when it has not.
OnOutput = Callable[[StreamName, int, str], "Future[None]"]


class SandboxUnavailableError(Exception):
    """The platform could not run the program; another attempt may."""


@dataclass(frozen=True)
class SourceFile:
    """A file laid out before the program starts; the name is relative to its folder."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Program:
    """What to run: the first file holds the source."""

    language: Language
    files: tuple[SourceFile, ...]
    stdin: bytes
    args: tuple[str, ...]
    limits: Limits


@dataclass(frozen=True)
class Outcome:
    """How a run ended; no reason means exit code 0."""

    reason: Reason | None
    result: ExecutionResult


class Sandbox(Protocol):
    """Runs programs, several at once when called from several threads."""

    def run(
        self,
        program: Program,
        on_start: Callable[[], None],
        on_lasting: Callable[[], None],
        on_output: OnOutput,
        stop: StopRequest,
    ) -> Outcome:
        """Run a program to its end, or until `stop` is asked for; leave nothing of it alive.

        `on_start` is called as the program starts, and again should a short fault of the platform
        make it start over; not at all when the program was to stop before it started. `on_lasting`
        follows when it was no short run: there is something to be told before the end. `on_output`
        gets what a program that takes its time prints meanwhile, and nothing of the compiler's;
        once it got something the program does not start over. Raises SandboxUnavailableError when
        the platform is at fault, never for anything the program did.
        """
        ...
