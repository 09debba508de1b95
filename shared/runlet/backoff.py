"""Waiting between attempts, the one way in which everything here tries again."""

import random
from collections.abc import Callable
from typing import Protocol, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_random_exponential

FIRST_DELAY_SECONDS = 0.2
LONGEST_DELAY_SECONDS = 5.0

Result = TypeVar("Result")


class Stop(Protocol):
    """What a retry asks whether to go on; runlet.lifecycle.StopSignal is one."""

    def is_set(self) -> bool:
        """Whether stopping was asked for."""
        ...

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until stopping is asked for; False when `seconds` passed first."""
        ...


class Backoff:
    """Delays that double up to a bound, with full jitter so that clients do not come at once.

    For the thread that waits; it is not shared.
    """

    def __init__(
        self,
        first_seconds: float = FIRST_DELAY_SECONDS,
        longest_seconds: float = LONGEST_DELAY_SECONDS,
    ) -> None:
        self._first_seconds = first_seconds
        self._longest_seconds = longest_seconds
        self._bound = first_seconds

    def reset(self) -> None:
        """Begin again with the first delay."""
        self._bound = self._first_seconds

    def next_delay(self) -> float:
        """Seconds to wait before the next attempt."""
        delay = random.uniform(self._first_seconds / 2, self._bound)
        self._bound = min(self._bound * 2, self._longest_seconds)
        return delay


def retry_until_stopped(
    act: Callable[[], Result],
    stop: Stop,
    retry_on: tuple[type[BaseException], ...],
    on_failure: Callable[[int, BaseException], None],
) -> Result:
    """Call `act` until it succeeds, with the delays of Backoff.

    Only errors of `retry_on` are tried again; `on_failure` hears the number of the attempt and the
    error. Raises what `act` raised last once `stop` is set.
    """

    def tell(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if error is not None:
            on_failure(state.attempt_number, error)

    def pause(seconds: float) -> None:
        stop.wait(seconds)

    retrying = Retrying(
        retry=retry_if_exception_type(retry_on),
        wait=wait_random_exponential(FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS),
        stop=lambda _state: stop.is_set(),
        sleep=pause,
        before_sleep=tell,
        reraise=True,
    )
    return retrying(act)
