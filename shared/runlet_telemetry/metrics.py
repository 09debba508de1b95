"""Every metric: its name, its labels and what it means; docs/metrics.md is the same as a table.

At the end stands which process serves which. A gauge that a process takes of something shared, such
as a queue, is NaN while it cannot be measured, and each replica serves the same: read it with max.
"""

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.metrics import MetricWrapperBase

# When a series began is of no use here, and would be a series more for each.
disable_created_metrics()  # type: ignore[no-untyped-call]

_HTTP_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
_LAG_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)
_RUN_BUCKETS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)
_WAIT_BUCKETS = (0.002, *_RUN_BUCKETS, 120, 300, 600)
_START_BUCKETS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 15)

BUILD_INFO = Gauge(
    "runlet_build_info",
    "Always 1; the labels say what runs: `build` is a digest of the service's source code.",
    ("service", "version", "build", "python"),
    multiprocess_mode="livemax",
)

LOOP_RESTARTS = Counter(
    "runlet_loop_restarts_total",
    "How often a background loop was started again after it had failed.",
    ("loop",),
)

LOOP_STALLED = Gauge(
    "runlet_loop_stalled",
    "Whether (1) a background loop is silent for longer than it may be; `/health` then names it.",
    ("loop",),
    multiprocess_mode="livemax",
)

LOOP_SILENCE_SECONDS = Gauge(
    "runlet_loop_silence_seconds",
    "For how long a background loop has reported no progress.",
    ("loop",),
    multiprocess_mode="livemax",
)

HTTP_REQUEST_SECONDS = Histogram(
    "runlet_http_request_seconds",
    "From a request to the beginning of its answer, by route pattern. "
    "A call with `?wait` is a route of its own, because it waits for a run.",
    ("method", "route", "status"),
    buckets=_HTTP_BUCKETS,
)

RUNS_ACCEPTED = Counter(
    "runlet_runs_accepted_total", "Runs that were answered with 202 and a new id.", ("language",)
)

RUNS_REJECTED = Counter(
    "runlet_runs_rejected_total",
    "Well-formed calls to run something that were refused: over a bound (rate_limit, cooldown, "
    "user_rate_limit, backlog), in the wrong state (active, closed), not to be run (too_large, "
    "unknown_session, endless_loop, invalid), or without a part that is needed (unavailable).",
    ("cause",),
)

RUNS_FINISHED = Counter(
    "runlet_runs_finished_total",
    "Executions that became terminal in the database, each once. `reason` is none for COMPLETED.",
    ("language", "status", "reason"),
)

RUN_QUEUE_SECONDS = Histogram(
    "runlet_run_queue_seconds",
    "From the acceptance of a run, or its being queued again, to its start in a sandbox.",
    ("language",),
    buckets=_WAIT_BUCKETS,
)

RUN_SECONDS = Histogram(
    "runlet_run_seconds",
    "From the start of a run to its end, compiling and sandbox included. "
    "Its count says what one runner has done.",
    ("language",),
    buckets=_RUN_BUCKETS,
)

EVENT_LAG_SECONDS = Histogram(
    "runlet_event_lag_seconds",
    "From an event to its row in the database, by type of event; "
    "for `finished` that is the time from the end of a run to its stored result.",
    ("type",),
    buckets=_LAG_BUCKETS,
)

RUN_TURNAROUND_SECONDS = Histogram(
    "runlet_run_turnaround_seconds",
    "From the first acceptance of a run to its stored result: what a learner waits.",
    ("language",),
    buckets=_WAIT_BUCKETS,
)

RUN_RETRIES = Counter(
    "runlet_run_retries_total",
    "Attempts that failed through a fault of the platform and were put back.",
    ("language",),
)

REDELIVERIES = Counter(
    "runlet_redeliveries_total",
    "Messages that were delivered before and came back unacknowledged, by queue.",
    ("queue",),
)

SLOTS = Gauge("runlet_slots", "How many runs this runner may have going at once.")

SLOTS_BUSY = Gauge("runlet_slots_busy", "Runs going on in this runner.")

POOL_CONTAINERS = Gauge(
    "runlet_pool_containers",
    "Sandbox containers of this runner: idle ones are warm, starting ones not yet up, "
    "taken ones have a run.",
    ("language", "state"),
)

POOL_TAKES = Counter(
    "runlet_pool_takes_total",
    "Containers taken for a run: warm ones were up already, cold ones made the run wait.",
    ("language", "outcome"),
)

CONTAINER_START_SECONDS = Histogram(
    "runlet_container_start_seconds",
    "From the order for a container to the answer of the agent in it; its count is that of starts.",
    ("language",),
    buckets=_START_BUCKETS,
)

CONTAINER_START_FAILURES = Counter(
    "runlet_container_start_failures_total", "Containers that did not come up.", ("language",)
)

CONTAINER_SCRUBS = Counter(
    "runlet_container_scrubs_total",
    "Containers that were cleaned after a run and kept for another.",
    ("language",),
)

CONTAINER_RETIREMENTS = Counter(
    "runlet_container_retirements_total",
    "Containers given up: worn_out has had its runs, unfit was left in doubt by a run, overdue "
    "did not answer, surplus was not needed, gone had ended by itself.",
    ("language", "cause"),
)

QUEUE_MESSAGES = Gauge(
    "runlet_queue_messages",
    "Messages that are ready in a queue of the broker; those being worked on do not count.",
    ("queue",),
)

QUEUE_CONSUMERS = Gauge(
    "runlet_queue_consumers",
    "Consumers of a queue: for that of a language, the runners that serve it.",
    ("queue",),
)

OLDEST_QUEUED_SECONDS = Gauge(
    "runlet_oldest_queued_seconds",
    "Age of the oldest request that no runner has begun, by language; 0 when there is none.",
    ("language",),
)

OUTBOX_MESSAGES = Gauge(
    "runlet_outbox_messages", "Accepted requests that the broker has not confirmed yet."
)

OUTBOX_OLDEST_SECONDS = Gauge(
    "runlet_outbox_oldest_seconds",
    "Age of the oldest request that the broker has not confirmed; 0 when there is none.",
)

OUTBOX_RELAYED = Counter(
    "runlet_outbox_relayed_total", "Requests published by the relay instead of at once."
)

DEAD_LETTERS = Counter(
    "runlet_dead_letters_total",
    "Messages that were given up, by reason: rejected by a runner, delivery_limit after too many "
    "runners died, invalid_event.",
    ("reason",),
)

EVENTS_STORED = Counter(
    "runlet_events_stored_total", "Events written to the executions database.", ("type",)
)

RECONCILED = Counter(
    "runlet_reconciled_total",
    "Executions that the reconciler found stuck: it sent them out again (republished) or ended "
    "them (lost, cancelled).",
    ("outcome",),
)

RETENTION_REMOVED = Counter(
    "runlet_retention_removed_total", "Rows that were removed for their age.", ("table",)
)

CALLBACKS = Counter(
    "runlet_callbacks_total",
    "Attempts to call a receiver back: delivered, failed with another to follow, or given_up.",
    ("outcome",),
)

Metrics = tuple[MetricWrapperBase, ...]

# Of every process with background loops.
LOOPS: Metrics = (LOOP_RESTARTS, LOOP_STALLED, LOOP_SILENCE_SECONDS)

SESSION_API: Metrics = (BUILD_INFO, *LOOPS, HTTP_REQUEST_SECONDS, RETENTION_REMOVED)

EXECUTION_API: Metrics = (
    BUILD_INFO,
    *LOOPS,
    HTTP_REQUEST_SECONDS,
    RUNS_ACCEPTED,
    RUNS_REJECTED,
    RUNS_FINISHED,
)

RELAY: Metrics = (
    BUILD_INFO,
    *LOOPS,
    OUTBOX_MESSAGES,
    OUTBOX_OLDEST_SECONDS,
    OUTBOX_RELAYED,
)

RUNNER: Metrics = (
    BUILD_INFO,
    *LOOPS,
    RUN_QUEUE_SECONDS,
    RUN_SECONDS,
    RUN_RETRIES,
    REDELIVERIES,
    SLOTS,
    SLOTS_BUSY,
    POOL_CONTAINERS,
    POOL_TAKES,
    CONTAINER_START_SECONDS,
    CONTAINER_START_FAILURES,
    CONTAINER_SCRUBS,
    CONTAINER_RETIREMENTS,
)

COLLECTOR: Metrics = (
    BUILD_INFO,
    *LOOPS,
    RUNS_FINISHED,
    RUN_TURNAROUND_SECONDS,
    EVENT_LAG_SECONDS,
    EVENTS_STORED,
    QUEUE_MESSAGES,
    QUEUE_CONSUMERS,
    OLDEST_QUEUED_SECONDS,
    REDELIVERIES,
    DEAD_LETTERS,
    RECONCILED,
    RETENTION_REMOVED,
    CALLBACKS,
)

SERVED: dict[str, Metrics] = {
    "session-api": SESSION_API,
    "execution-api": EXECUTION_API,
    "execution-relay": RELAY,
    "runner": RUNNER,
    "result-collector": COLLECTOR,
}
