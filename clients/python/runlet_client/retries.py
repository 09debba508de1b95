"""When to try again, and after how long.

A rule without a loop, for one description of each call serves the blocking and the asynchronous
client. tenacity brings the loop, twice, and would be given all of this rule as a callback.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from runlet_client.errors import RateLimitedError, RunletError, UnavailableError


@dataclass(frozen=True)
class Retries:
    """How often and how long a client tries.

    A call that may be repeated is sent at most `attempts` times, with pauses that double from
    `first_pause` seconds, jittered so that clients do not return in step, or as long as the server
    asks for. A server that asks for more than `longest_pause` seconds is not waited for, except
    that `wait_when_rate_limited` sits out a 429 however long it is.
    """

    attempts: int = 5
    first_pause: float = 0.2
    longest_pause: float = 10.0
    wait_when_rate_limited: bool = False
    chance: Callable[[], float] = random.random

    def pause(self, failures: int, error: RunletError) -> float | None:
        """Seconds until the next try after so many failures; None to give up."""
        if failures >= self.attempts:
            return None
        backoff = self._backoff(failures)
        if isinstance(error, RateLimitedError):
            return max(backoff, error.retry_after or 0) if self.wait_when_rate_limited else None
        if not isinstance(error, UnavailableError):
            return None
        if error.retry_after is not None and error.retry_after > self.longest_pause:
            return None
        return max(backoff, error.retry_after or 0)

    def _backoff(self, failures: int) -> float:
        # The bound on the exponent keeps a huge `attempts` from overflowing.
        whole = min(self.first_pause * 2.0 ** min(failures - 1, 30), self.longest_pause)
        return whole * (0.5 + self.chance() / 2)


DEFAULT_RETRIES = Retries()
NO_RETRIES = Retries(attempts=1)
