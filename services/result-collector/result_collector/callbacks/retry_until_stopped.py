"""Trying again while the database is away, until the process is to stop."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import structlog
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_random_exponential

from runlet.backoff import Stop
from runlet_postgres.engines import AWAY_ERRORS

log = structlog.get_logger()

FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 0.2, 5.0

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class Patience:
    """Calls what needs the database until that answers."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop

    def __call__(
        self,
        function: Callable[Parameters, Result],
        *args: Parameters.args,
        **kwargs: Parameters.kwargs,
    ) -> Result:
        """Call `function`. Raises what it raises at last when the stop comes first."""
        retrying = Retrying(
            retry=retry_if_exception_type(AWAY_ERRORS),
            wait=wait_random_exponential(FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS),
            stop=lambda _state: self._stop.is_set(),
            sleep=self._pause,
            before_sleep=_log_failure,
            reraise=True,
        )
        return retrying(function, *args, **kwargs)

    def _pause(self, seconds: float) -> None:
        self._stop.wait(seconds)


def _log_failure(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.warning("database_unavailable", attempt=state.attempt_number, error=str(error))
