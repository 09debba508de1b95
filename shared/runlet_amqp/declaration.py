"""Declaring the topology: exchanges, queues and how they hang together."""

from collections.abc import Iterable

from pika.adapters.blocking_connection import BlockingChannel
from pika.exchange_type import ExchangeType

from runlet import topology

_QUORUM = {"x-queue-type": "quorum"}
# Dead-lettering with confirms: the source keeps a message until its target has it.
_AT_LEAST_ONCE = {"x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish"}


def declare(
    channel: BlockingChannel,
    languages: Iterable[str],
    callback_delays_seconds: Iterable[float] = topology.CALLBACK_DELAYS_SECONDS,
) -> None:
    """Declare the whole topology; declaring what is there already changes nothing."""
    channel.exchange_declare(topology.RUNS, ExchangeType.direct, durable=True)
    channel.exchange_declare(topology.RETRY, ExchangeType.headers, durable=True)
    channel.exchange_declare(topology.DEAD_EXCHANGE, ExchangeType.fanout, durable=True)
    channel.exchange_declare(topology.RESULTS, ExchangeType.topic, durable=True)
    channel.exchange_declare(topology.CONTROL, ExchangeType.fanout, durable=True)
    channel.exchange_declare(topology.ENDINGS, ExchangeType.fanout, durable=True)
    _declare_dead_letters(channel)
    _declare_results(channel)
    _declare_retries(channel)
    _declare_callbacks(channel, callback_delays_seconds)
    for language in languages:
        _declare_run_queue(channel, language)


def _declare_dead_letters(channel: BlockingChannel) -> None:
    channel.queue_declare(topology.DEAD_QUEUE, durable=True, arguments=_QUORUM)
    channel.queue_bind(topology.DEAD_QUEUE, topology.DEAD_EXCHANGE)


def _declare_results(channel: BlockingChannel) -> None:
    channel.queue_declare(topology.RESULTS_QUEUE, durable=True, arguments=_QUORUM)
    for key in (topology.STARTED, topology.FINISHED, topology.RETRYING):
        channel.queue_bind(topology.RESULTS_QUEUE, topology.RESULTS, key)


def _declare_retries(channel: BlockingChannel) -> None:
    for seconds in topology.RETRY_DELAYS_SECONDS:
        arguments = {
            **_QUORUM,
            **_AT_LEAST_ONCE,
            "x-message-ttl": seconds * 1000,
            "x-dead-letter-exchange": topology.RUNS,
        }
        channel.queue_declare(topology.retry_queue(seconds), durable=True, arguments=arguments)
        channel.queue_bind(
            topology.retry_queue(seconds),
            topology.RETRY,
            arguments={"x-match": "all", topology.DELAY_HEADER: seconds},
        )


def _declare_run_queue(channel: BlockingChannel, language: str) -> None:
    arguments = {
        **_QUORUM,
        **_AT_LEAST_ONCE,
        "x-dead-letter-exchange": topology.DEAD_EXCHANGE,
        "x-delivery-limit": topology.DELIVERY_LIMIT,
    }
    channel.queue_declare(topology.run_queue(language), durable=True, arguments=arguments)
    channel.queue_bind(topology.run_queue(language), topology.RUNS, routing_key=language)


def _declare_callbacks(channel: BlockingChannel, delays_seconds: Iterable[float]) -> None:
    channel.exchange_declare(topology.CALLBACKS, ExchangeType.direct, durable=True)
    channel.queue_declare(topology.CALLBACKS_QUEUE, durable=True, arguments=_QUORUM)
    channel.queue_bind(topology.CALLBACKS_QUEUE, topology.CALLBACKS, topology.CALLBACK_DUE)
    bounded = {**_QUORUM, "x-max-length": topology.MOST_DEAD_CALLBACKS}
    channel.queue_declare(topology.CALLBACKS_DEAD_QUEUE, durable=True, arguments=bounded)
    channel.queue_bind(topology.CALLBACKS_DEAD_QUEUE, topology.CALLBACKS, topology.CALLBACK_DEAD)
    for seconds in delays_seconds:
        arguments = {
            **_QUORUM,
            **_AT_LEAST_ONCE,
            "x-message-ttl": int(seconds * 1000),
            "x-dead-letter-exchange": topology.CALLBACKS,
            "x-dead-letter-routing-key": topology.CALLBACK_DUE,
        }
        queue = topology.callback_retry_queue(seconds)
        channel.queue_declare(queue, durable=True, arguments=arguments)
        channel.queue_bind(queue, topology.CALLBACKS, topology.callback_retry(seconds))
