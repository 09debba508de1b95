"""What the runner asks of a sandbox, whatever stands behind it."""

from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from runlet.execution import ExecutionResult, Reason
from runlet.languages import Language
from runlet.limits import Limits
from runner.sandbox.cancellation_token import CancellationToken

StreamName = Literal["stdout", "stderr"]


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
class Placement:
    """When a program started, and where."""

    started_at: datetime
    container: str
    image: str


@dataclass(frozen=True)
class Outcome:
    """How a run ended; no reason means exit code 0, no placement that it was never started."""

    reason: Reason | None
    result: ExecutionResult
    placement: Placement | None = None


class RunObserver(Protocol):
    """Learns what happens during a run, in the thread that runs it; its methods must not wait."""

    def running(self, placement: Placement) -> None:
        """The program is no short one: it has started and goes on.

        Called again should a short fault of the platform make it start over.
        """
        ...

    def printed(self, stream: StreamName, offset: int, text: str) -> "Future[None]":
        """The program printed `text` after `offset` characters of the stream.

        The future is done when the text has arrived, and carries an exception when it has not.
        """
        ...


class Sandbox(Protocol):
    """Runs programs, several at once when called from several threads."""

    def run(self, program: Program, observer: RunObserver, token: CancellationToken) -> Outcome:
        """Run a program to its end, or until it is cancelled; leave nothing of it alive.

        `observer` is called only for a program that takes its time, and never with what a compiler
        prints. Once it got output the program does not start over. Raises SandboxUnavailableError
        when the platform is at fault, never for anything the program did.
        """
        ...

    def is_available(self) -> bool:
        """Look now whether programs can be run, for a few seconds at most."""
        ...

    def wait_until_available(self, seconds: float) -> bool:
        """Wait up to `seconds` until programs can be run; whether they can. Costs nothing then."""
        ...
