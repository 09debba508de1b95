"""Every exchange and queue, and how they hang together: the only place that names them."""

from collections.abc import Iterable

from pika.adapters.blocking_connection import BlockingChannel
from pika.exchange_type import ExchangeType

RUNS = "runs"
RETRY = "runs.retry"
DEAD_EXCHANGE = "runs.dlx"
DEAD_QUEUE = "runs.dead"
RESULTS = "results"
RESULTS_QUEUE = "results.collector"
CONTROL = "control"
# Terminal executions as they were stored, for whoever waits for one.
ENDINGS = "executions.ended"
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

# Deliveries of one message that end without an acknowledgement: runners that died with it.
DELIVERY_LIMIT = 3

# Nobody has to empty the queue of callbacks that were given up; it holds the newest.
MOST_DEAD_CALLBACKS = 10_000

_QUORUM = {"x-queue-type": "quorum"}
# Dead-lettering with confirms: the source keeps a message until its target has it.
_AT_LEAST_ONCE = {"x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish"}


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
    """The queues that `declare` makes."""
    return (
        *map(run_queue, languages),
        *map(retry_queue, RETRY_DELAYS_SECONDS),
        DEAD_QUEUE,
        RESULTS_QUEUE,
        CALLBACKS_QUEUE,
        *map(callback_retry_queue, callback_delays_seconds),
        CALLBACKS_DEAD_QUEUE,
    )


def declare(
    channel: BlockingChannel,
    languages: Iterable[str],
    callback_delays_seconds: Iterable[float] = CALLBACK_DELAYS_SECONDS,
) -> None:
    """Declare the whole topology; declaring what is there already changes nothing."""
    channel.exchange_declare(RUNS, ExchangeType.direct, durable=True)
    channel.exchange_declare(RETRY, ExchangeType.headers, durable=True)
    channel.exchange_declare(DEAD_EXCHANGE, ExchangeType.fanout, durable=True)
    channel.exchange_declare(RESULTS, ExchangeType.topic, durable=True)
    channel.exchange_declare(CONTROL, ExchangeType.fanout, durable=True)
    channel.exchange_declare(ENDINGS, ExchangeType.fanout, durable=True)
    _declare_dead_letters(channel)
    _declare_results(channel)
    _declare_retries(channel)
    _declare_callbacks(channel, callback_delays_seconds)
    for language in languages:
        _declare_run_queue(channel, language)


def _declare_dead_letters(channel: BlockingChannel) -> None:
    channel.queue_declare(DEAD_QUEUE, durable=True, arguments=_QUORUM)
    channel.queue_bind(DEAD_QUEUE, DEAD_EXCHANGE)


def _declare_results(channel: BlockingChannel) -> None:
    channel.queue_declare(RESULTS_QUEUE, durable=True, arguments=_QUORUM)
    for key in (STARTED, FINISHED, RETRYING):
        channel.queue_bind(RESULTS_QUEUE, RESULTS, key)


def _declare_retries(channel: BlockingChannel) -> None:
    for seconds in RETRY_DELAYS_SECONDS:
        arguments = {
            **_QUORUM,
            **_AT_LEAST_ONCE,
            "x-message-ttl": seconds * 1000,
            "x-dead-letter-exchange": RUNS,
        }
        channel.queue_declare(retry_queue(seconds), durable=True, arguments=arguments)
        channel.queue_bind(
            retry_queue(seconds), RETRY, arguments={"x-match": "all", DELAY_HEADER: seconds}
        )


def _declare_run_queue(channel: BlockingChannel, language: str) -> None:
    arguments = {
        **_QUORUM,
        **_AT_LEAST_ONCE,
        "x-dead-letter-exchange": DEAD_EXCHANGE,
        "x-delivery-limit": DELIVERY_LIMIT,
    }
    channel.queue_declare(run_queue(language), durable=True, arguments=arguments)
    channel.queue_bind(run_queue(language), RUNS, routing_key=language)


def _declare_callbacks(channel: BlockingChannel, delays_seconds: Iterable[float]) -> None:
    channel.exchange_declare(CALLBACKS, ExchangeType.direct, durable=True)
    channel.queue_declare(CALLBACKS_QUEUE, durable=True, arguments=_QUORUM)
    channel.queue_bind(CALLBACKS_QUEUE, CALLBACKS, CALLBACK_DUE)
    bounded = {**_QUORUM, "x-max-length": MOST_DEAD_CALLBACKS}
    channel.queue_declare(CALLBACKS_DEAD_QUEUE, durable=True, arguments=bounded)
    channel.queue_bind(CALLBACKS_DEAD_QUEUE, CALLBACKS, CALLBACK_DEAD)
    for seconds in delays_seconds:
        arguments = {
            **_QUORUM,
            **_AT_LEAST_ONCE,
            "x-message-ttl": int(seconds * 1000),
            "x-dead-letter-exchange": CALLBACKS,
            "x-dead-letter-routing-key": CALLBACK_DUE,
        }
        queue = callback_retry_queue(seconds)
        channel.queue_declare(queue, durable=True, arguments=arguments)
        channel.queue_bind(queue, CALLBACKS, callback_retry(seconds))
