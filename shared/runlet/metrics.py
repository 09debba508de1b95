"""Every metric: its name, its labels and what it means."""

from prometheus_client import Counter, Gauge, Histogram

_HTTP_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
_RUN_BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)

HTTP_REQUEST_SECONDS = Histogram(
    "runlet_http_request_seconds",
    "Time to answer an HTTP request, by route pattern.",
    ("method", "route", "status"),
    buckets=_HTTP_BUCKETS,
)

RUNS_REJECTED = Counter(
    "runlet_runs_rejected_total",
    "Calls to run something that were refused for now: how often is run, or what runs already.",
    ("cause",),
)

RUNS_FINISHED = Counter(
    "runlet_runs_finished_total",
    "Runs that reached a terminal status in this runner.",
    ("language", "status", "reason"),
)

RUN_QUEUE_SECONDS = Histogram(
    "runlet_run_queue_seconds",
    "From the acceptance of a run to its start.",
    ("language",),
    buckets=_RUN_BUCKETS,
)

RUN_SECONDS = Histogram(
    "runlet_run_seconds",
    "From the start of a run to its end, sandbox included.",
    ("language",),
    buckets=_RUN_BUCKETS,
)

RUN_RETRIES = Counter(
    "runlet_run_retries_total",
    "Attempts that failed through a fault of the platform and were put back.",
    ("language",),
)

SLOTS_BUSY = Gauge("runlet_slots_busy", "Runs going on in this runner.")

DEAD_LETTERS = Counter(
    "runlet_dead_letters_total", "Requests that were given up, by reason.", ("reason",)
)

EVENTS_STORED = Counter(
    "runlet_events_stored_total", "Events written to the executions database.", ("type",)
)

EVENT_LAG_SECONDS = Histogram(
    "runlet_event_lag_seconds",
    "From an execution's end to its row in the database.",
    buckets=_RUN_BUCKETS,
)

OUTBOX_RELAYED = Counter(
    "runlet_outbox_relayed_total", "Requests published by the relay instead of at once."
)

RECONCILED = Counter(
    "runlet_reconciled_total",
    "Executions that the reconciler found stuck, by what it did about them.",
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
