"""The topology as data, and declaring it: exchanges, queues and how they hang together."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from pika.adapters.blocking_connection import BlockingChannel
from pika.channel import Channel
from pika.exceptions import ChannelClosedByBroker
from pika.exchange_type import ExchangeType

from runlet import topology

# Nothing else: what an operator or an upgrade may want to change is a policy (policies.py).
QUEUE_ARGUMENTS = {"x-queue-type": "quorum"}

# AMQP's reply code.
PRECONDITION_FAILED = 406
_QUEUE_IN_REPLY = re.compile(r"inequivalent arg .* for queue '([^']+)'")


@dataclass(frozen=True)
class Exchange:
    """A durable exchange."""

    name: str
    type: ExchangeType


@dataclass(frozen=True)
class QueueBinding:
    """Which messages of an exchange go into a queue."""

    queue: str
    exchange: str
    routing_key: str = ""
    arguments: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Topology:
    """What a service declares before it uses a connection; its queues are durable."""

    exchanges: tuple[Exchange, ...] = ()
    queues: tuple[str, ...] = ()
    bindings: tuple[QueueBinding, ...] = ()

    def without_queue(self, name: str) -> "Topology":
        """The same, but for this queue and its bindings.

        One that is made anew is not to be bound by others while it is emptied and deleted.
        """
        return replace(
            self,
            queues=tuple(queue for queue in self.queues if queue != name),
            bindings=tuple(each for each in self.bindings if each.queue != name),
        )


_EXCHANGES = (
    Exchange(topology.RUNS, ExchangeType.direct),
    Exchange(topology.RETRY, ExchangeType.headers),
    Exchange(topology.DEAD_EXCHANGE, ExchangeType.fanout),
    Exchange(topology.RESULTS, ExchangeType.topic),
    Exchange(topology.CONTROL, ExchangeType.fanout),
    Exchange(topology.ENDED, ExchangeType.fanout),
    Exchange(topology.CALLBACKS, ExchangeType.direct),
)
_RESULT_KEYS = (topology.STARTED, topology.FINISHED, topology.RETRYING)


def create_topology(
    languages: Iterable[str],
    callback_delays_seconds: Iterable[float] = topology.CALLBACK_DELAYS_SECONDS,
) -> Topology:
    """The whole topology."""
    languages, delays = tuple(languages), tuple(callback_delays_seconds)
    queues = topology.queues(languages, delays)
    return Topology(_EXCHANGES, queues, (*_bindings(languages), *_callback_bindings(delays)))


def declare(channel: Channel | BlockingChannel, wanted: Topology) -> None:
    """Declare what is wanted; declaring what is there already changes nothing.

    On the channel of an event loop this only sends: what is asked of the channel next is answered
    when all is there, and a refusal closes it. A blocking one raises what pika raises.
    """
    for exchange in wanted.exchanges:
        channel.exchange_declare(exchange.name, exchange.type, durable=True)
    for queue in wanted.queues:
        channel.queue_declare(queue, durable=True, arguments=QUEUE_ARGUMENTS)
    for binding in wanted.bindings:
        channel.queue_bind(
            binding.queue,
            binding.exchange,
            routing_key=binding.routing_key,
            arguments=dict(binding.arguments),
        )


def outdated_queue(error: BaseException) -> str | None:
    """The queue of an older version that a refused declaration is about, if it is about one.

    It can be used as it is, but not be declared, until runlet_amqp.prepare_broker makes it anew.
    """
    if isinstance(error, ChannelClosedByBroker) and error.reply_code == PRECONDITION_FAILED:
        named = _QUEUE_IN_REPLY.search(error.reply_text)
        return named[1] if named else None
    return None


def _bindings(languages: Iterable[str]) -> Iterable[QueueBinding]:
    yield QueueBinding(topology.DEAD_QUEUE, topology.DEAD_EXCHANGE)
    for key in _RESULT_KEYS:
        yield QueueBinding(topology.RESULTS_QUEUE, topology.RESULTS, key)
    for seconds in topology.RETRY_DELAYS_SECONDS:
        # With "all" alone, headers that begin with x- do not count.
        matched = {"x-match": "all-with-x", topology.DELAY_HEADER: seconds}
        yield QueueBinding(topology.retry_queue(seconds), topology.RETRY, arguments=matched)
    for language in languages:
        yield QueueBinding(topology.run_queue(language), topology.RUNS, language)


def _callback_bindings(delays_seconds: Iterable[float]) -> Iterable[QueueBinding]:
    due, dead = topology.CALLBACK_DUE, topology.CALLBACK_DEAD
    yield QueueBinding(topology.CALLBACKS_QUEUE, topology.CALLBACKS, due)
    yield QueueBinding(topology.CALLBACKS_DEAD_QUEUE, topology.CALLBACKS, dead)
    for seconds in delays_seconds:
        queue, key = topology.callback_retry_queue(seconds), topology.callback_retry(seconds)
        yield QueueBinding(queue, topology.CALLBACKS, key)
