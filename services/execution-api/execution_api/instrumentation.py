"""What the execution API's metrics are fed with."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from execution_api.errors import CallRefusedError, Cause
from runlet.execution import Reason, Status
from runlet_postgres.errors import DatabaseUnavailableError
from runlet_telemetry.metrics import RUNS_ACCEPTED, RUNS_FINISHED, RUNS_REJECTED


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
    except CallRefusedError as error:
        RUNS_REJECTED.labels(error.cause).inc()
        raise
    except DatabaseUnavailableError:
        RUNS_REJECTED.labels(Cause.UNAVAILABLE).inc()
        raise
