"""The queues of versions before 0.3, which had their limits as arguments."""

from typing import Any

from pika.adapters.blocking_connection import BlockingChannel

from runlet import topology
from runlet.languages import LANGUAGES
from runlet_amqp import declaration
from runlet_amqp.declaration import Topology
from support.broker.vhosts import TOPOLOGY

QUORUM = {"x-queue-type": "quorum"}
AT_LEAST_ONCE = {"x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish"}


def arguments() -> dict[str, dict[str, Any]]:
    """The arguments of each queue."""
    return {
        **{topology.run_queue(language): _run_queue() for language in LANGUAGES},
        **{topology.retry_queue(each): _retry(each) for each in topology.RETRY_DELAYS_SECONDS},
        topology.DEAD_QUEUE: QUORUM,
        topology.RESULTS_QUEUE: QUORUM,
        topology.CALLBACKS_QUEUE: QUORUM,
        topology.CALLBACKS_DEAD_QUEUE: {**QUORUM, "x-max-length": 10_000},
        **{
            topology.callback_retry_queue(each): _callback_retry(each)
            for each in topology.CALLBACK_DELAYS_SECONDS
        },
    }


def declare(channel: BlockingChannel) -> None:
    """Declare it as it was."""
    declaration.declare(channel, Topology(TOPOLOGY.exchanges))
    for queue, values in arguments().items():
        channel.queue_declare(queue, durable=True, arguments=values)
    for binding in TOPOLOGY.bindings:
        matched = dict(binding.arguments) and {**binding.arguments, "x-match": "all"}
        channel.queue_bind(binding.queue, binding.exchange, binding.routing_key, matched)


def _run_queue() -> dict[str, Any]:
    dead_letters = {"x-dead-letter-exchange": topology.DEAD_EXCHANGE, "x-delivery-limit": 3}
    return {**QUORUM, **AT_LEAST_ONCE, **dead_letters}


def _retry(seconds: int) -> dict[str, Any]:
    delay = {"x-message-ttl": seconds * 1000, "x-dead-letter-exchange": topology.RUNS}
    return {**QUORUM, **AT_LEAST_ONCE, **delay}


def _callback_retry(seconds: float) -> dict[str, Any]:
    target = {
        "x-dead-letter-exchange": topology.CALLBACKS,
        "x-dead-letter-routing-key": topology.CALLBACK_DUE,
    }
    return {**QUORUM, **AT_LEAST_ONCE, **target, "x-message-ttl": int(seconds * 1000)}
