"""What the execution API's metrics are fed with."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from execution_api.runs.rate_limits import Cause
from runlet.execution import Reason, Status
from runlet_http.problems import ProblemError
from runlet_postgres.engines import AWAY_ERRORS
from runlet_telemetry.metrics import RUNS_ACCEPTED, RUNS_FINISHED, RUNS_REJECTED

# What a problem that names no cause was caused by.
_BY_STATUS = {404: Cause.UNKNOWN_SESSION, 413: Cause.TOO_LARGE, 503: Cause.UNAVAILABLE}


def prepare(language_ids: Iterable[str]) -> None:
    """Begin with all series at 0: one that appears with its first event shows no increase."""
    for language_id in language_ids:
        RUNS_ACCEPTED.labels(language_id)
        RUNS_FINISHED.labels(language_id, Status.CANCELLED, Reason.CANCELLED)
    for cause in Cause:
        RUNS_REJECTED.labels(cause)


@contextmanager
def rejections_counted() -> Iterator[None]:
    """Count what is rejected within."""
    try:
        yield
    except ProblemError as problem:
        cause = problem.cause or _BY_STATUS.get(problem.status, Cause.INVALID)
        RUNS_REJECTED.labels(cause).inc()
        raise
    except AWAY_ERRORS:
        RUNS_REJECTED.labels(Cause.UNAVAILABLE).inc()
        raise
