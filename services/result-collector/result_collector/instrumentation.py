"""What the collector's metrics are fed with, around parts that know nothing of them."""

from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import Counter

from result_collector.ingest.completion_publisher import Completions
from result_collector.ingest.dead_letters import CAUSES
from result_collector.reconciliation.repository import Outcome
from result_collector.retention.executions import TABLES
from runlet.clock import Clock
from runlet.execution import Reason, status_for
from runlet.languages import LANGUAGES
from runlet_telemetry.metrics import (
    CALLBACKS,
    DEAD_LETTERS,
    EVENT_LAG_SECONDS,
    EVENTS_STORED,
    RECONCILED,
    RETENTION_REMOVED,
    RUN_TURNAROUND_SECONDS,
    RUNS_FINISHED,
)

NO_REASON = "none"
# A row may be of a language that no version knows any more.
UNKNOWN_LANGUAGE = "unknown"
EVENTS = ("started", "retrying", "finished")
CALLBACK_OUTCOMES = ("delivered", "failed", "given_up")


def prepare(language_ids: Iterable[str]) -> None:
    """Begin with all series at 0: one that appears with its first event shows no increase."""
    for language_id in language_ids:
        RUN_TURNAROUND_SECONDS.labels(language_id)
        for reason in (None, *Reason):
            RUNS_FINISHED.labels(language_id, status_for(reason), reason or NO_REASON)
    for event in EVENTS:
        EVENT_LAG_SECONDS.labels(event)
    _begin(EVENTS_STORED, (*EVENTS, "dead_lettered"))
    _begin(DEAD_LETTERS, CAUSES)
    _begin(RECONCILED, Outcome)
    _begin(RETENTION_REMOVED, TABLES)
    _begin(CALLBACKS, CALLBACK_OUTCOMES)


def _begin(counter: Counter, label_values: Iterable[str]) -> None:
    for value in label_values:
        counter.labels(value)


class CountedCompletions:
    """Publishes ends, and counts them: each comes once, when it is committed."""

    def __init__(self, completions: Completions, clock: Clock) -> None:
        self._completions = completions
        self._clock = clock

    def publish(self, row: Mapping[str, Any], traceparent: str | None) -> None:
        """Publish the end of an execution, given as it was stored."""
        self._completions.publish(row, traceparent)
        language = row["language"] if row["language"] in LANGUAGES else UNKNOWN_LANGUAGE
        RUNS_FINISHED.labels(language, row["status"], row["reason"] or NO_REASON).inc()
        seconds = (self._clock.now() - row["created_at"]).total_seconds()
        RUN_TURNAROUND_SECONDS.labels(language).observe(max(0.0, seconds))
