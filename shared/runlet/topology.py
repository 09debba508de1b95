"""Every exchange, queue and routing key: the only place that names them."""

from collections.abc import Iterable

RUNS = "runs"
RETRY = "runs.retry"
DEAD_EXCHANGE = "runs.dlx"
DEAD_QUEUE = "runs.dead"
# Dead letters that end their consumer: kept for people to look at.
PARKED_QUEUE = "runs.dead.parked"
RESULTS = "results"
RESULTS_QUEUE = "results.collector"
CONTROL = "control"
# Terminal executions as they were stored, for those who wait for one.
ENDED = "executions.ended"
# Callbacks: what is to be sent now, what waits for its next attempt, and what was given up.
CALLBACKS = "callbacks"
CALLBACKS_QUEUE = "callbacks"
CALLBACKS_DEAD_QUEUE = "callbacks.dead"

STARTED = "execution.started"
OUTPUT = "execution.output"
FINISHED = "execution.finished"
RETRYING = "execution.retrying"

CALLBACK_DUE = "due"
CALLBACK_DEAD = "dead"

RETRY_DELAYS_SECONDS = (2, 4, 8)
CALLBACK_DELAYS_SECONDS: tuple[float, ...] = (2, 10, 60, 300, 1800)
DELAY_HEADER = "x-runlet-delay"
REASON_HEADER = "x-runlet-reason"
# Deliveries in vain that were counted before a message's queue was made anew.
EARLIER_DELIVERIES_HEADER = "x-runlet-earlier-deliveries"

# Deliveries of one request that end without an acknowledgement: runners that died with it.
DELIVERY_LIMIT = 3
# The same of what the collector takes. A message in its hands comes back whenever it loses its
# connection, so this is high enough for a day of outages and ends what no collector survives.
COLLECTOR_DELIVERY_LIMIT = 100

# The queue of callbacks that were given up is not read; it holds the newest.
MAX_DEAD_CALLBACKS = 10_000


def run_queue(language: str) -> str:
    """The queue that holds a language's work for runners."""
    return f"runs.{language}"


def retry_queue(seconds: int) -> str:
    """The queue in which a request waits `seconds` before it goes back into `runs`."""
    return f"runs.retry.{seconds}s"


def callback_retry(seconds: float) -> str:
    """The routing key under which a callback waits `seconds` for its next attempt."""
    return f"retry.{seconds:g}s"


def callback_retry_queue(seconds: float) -> str:
    """The queue in which a callback waits `seconds` for its next attempt."""
    return f"{CALLBACKS_QUEUE}.{callback_retry(seconds)}"


def queues(
    languages: Iterable[str], callback_delays_seconds: Iterable[float] = CALLBACK_DELAYS_SECONDS
) -> tuple[str, ...]:
    """All durable queues: what runlet_amqp.declaration declares."""
    return (
        *map(run_queue, languages),
        *map(retry_queue, RETRY_DELAYS_SECONDS),
        DEAD_QUEUE,
        PARKED_QUEUE,
        RESULTS_QUEUE,
        CALLBACKS_QUEUE,
        *map(callback_retry_queue, callback_delays_seconds),
        CALLBACKS_DEAD_QUEUE,
    )
