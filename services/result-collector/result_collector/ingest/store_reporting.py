"""What logs and metrics say of stored deliveries."""

import structlog

from result_collector.ingest.changes import Change
from result_collector.ingest.store import Stored
from result_collector.instrumentation import EVENTS
from runlet.clock import Clock
from runlet_telemetry import tracing
from runlet_telemetry.metrics import DEAD_LETTERS, EVENT_LAG_SECONDS, EVENTS_STORED

log = structlog.get_logger()


def report(stored: Stored, clock: Clock) -> None:
    """Count a stored delivery, and log the transition it made."""
    if stored.letter is not None:
        DEAD_LETTERS.labels(stored.letter.cause).inc()
    if stored.change is not None:
        EVENTS_STORED.labels(stored.change.event).inc()
        if stored.changed:
            _measure(stored.change, clock)
            with tracing.logged(stored.traceparent):
                _log(stored.change, str(stored.session_id))


def _measure(change: Change, clock: Clock) -> None:
    if change.event in EVENTS:
        lag = (clock.now() - change.at).total_seconds()
        EVENT_LAG_SECONDS.labels(change.event).observe(max(0.0, lag))


def _log(change: Change, session_id: str) -> None:
    started_at = change.new_values.get("started_at")
    log.info(
        f"execution_{change.event}",
        execution_id=str(change.execution_id),
        session_id=session_id,
        status=change.status,
        reason=change.reason,
        attempt=change.attempt,
        started_at=started_at and started_at.isoformat(),
        happened_at=change.at.isoformat(),
    )
