"""What a call does over time: send, pause, send again. A client only carries out the steps."""

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeVar

from runlet_client import calls
from runlet_client.errors import (
    RateLimitedError,
    RunletError,
    StillRunningError,
    UnavailableError,
)
from runlet_client.exchange import Call, Reply, Request, error_of
from runlet_client.models import Execution
from runlet_client.retries import Retries

T = TypeVar("T")

MAX_WAIT_SECONDS = 30.0
# An answer to ?wait= that comes too soon, from a server about to stop, must not make a busy loop.
LEAST_ROUND_SECONDS = 0.5


@dataclass(frozen=True)
class Pause:
    """Do nothing for so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Failure:
    """A request that got no answer, or not all of it.

    `was_sent` is False when it certainly did not arrive; `timed_out` says that all was well but
    that nothing came for too long.
    """

    error: UnavailableError
    was_sent: bool = True
    timed_out: bool = False


Flow = Generator[Request | Pause, Reply | Failure | None, T]


def send(call: Call[T], retries: Retries) -> Flow[T]:
    """Send a call, again if need be. Raises the last error when it is not to try again."""
    failures = 0
    in_doubt = False
    while True:
        answer = yield call.request
        if isinstance(answer, Reply) and answer.is_success:
            return call.result(answer)
        error, undone = _problem(answer)
        if in_doubt and (settled := call.settled(error)) is not None:
            return settled[0]
        in_doubt = in_doubt or not undone
        failures += 1
        pause = retries.pause(failures, error) if undone or call.repeatable else None
        if pause is None:
            raise error
        yield Pause(pause)


def wait(
    execution_id: str,
    timeout: float | None,
    retries: Retries,
    now: Callable[[], float] = time.monotonic,
) -> Flow[Execution]:
    """Ask until the execution is over. Raises StillRunningError after `timeout` seconds."""
    deadline = now() + (float("inf") if timeout is None else timeout)
    while True:
        begun = now()
        seconds = max(0.0, min(deadline - begun, MAX_WAIT_SECONDS))
        execution = yield from send(calls.get_execution(execution_id, wait=seconds), retries)
        if execution.status.is_over:
            return execution
        if now() >= deadline:
            raise StillRunningError(execution)
        if now() - begun < LEAST_ROUND_SECONDS:
            yield Pause(min(LEAST_ROUND_SECONDS, deadline - now()))


def _problem(answer: Reply | Failure | None) -> tuple[RunletError, bool]:
    """The error, and whether the call certainly had no effect."""
    if isinstance(answer, Failure):
        return answer.error, not answer.was_sent
    if answer is None:
        raise TypeError("A request needs an answer.")
    error = error_of(answer)
    return error, isinstance(error, RateLimitedError)
