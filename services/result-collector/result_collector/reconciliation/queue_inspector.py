"""What waits in the broker's queues, as far as losses can be told by it."""

from collections.abc import Collection
from dataclasses import dataclass

from pika.adapters.blocking_connection import BlockingChannel

from runlet import topology
from runlet.clock import Clock
from runlet_amqp.connection import connect
from runlet_amqp.event_loop_connection import Declare
from runlet_amqp.settings import BrokerSettings

# Looked at for events and dead letters that are not stored yet.
_INBOX = (topology.RESULTS_QUEUE, topology.DEAD_QUEUE)
_DELAYS = tuple(topology.retry_queue(seconds) for seconds in topology.RETRY_DELAYS_SECONDS)


@dataclass(frozen=True)
class QueueSnapshot:
    """Whether all that happened is taken out of the collector's queues, and where no work waits."""

    drained: bool
    idle_languages: frozenset[str]


class IdleLanguages:
    """For how long no work has waited for a language: it may still be in the hands of runners."""

    def __init__(self, clock: Clock, enough_seconds: float) -> None:
        self._clock = clock
        self._enough_seconds = enough_seconds
        self._since: dict[str, float] = {}

    def note(self, idle: Collection[str]) -> frozenset[str]:
        """Take note of a snapshot; gives the languages that were idle in every one for long enough."""
        now = self._clock.monotonic()
        self._since = {language: self._since.get(language, now) for language in idle}
        return frozenset(
            language
            for language, since in self._since.items()
            if now - since >= self._enough_seconds
        )


class QueueInspector:
    """Counts ready messages, over a connection that lives as long as one look."""

    def __init__(
        self,
        broker: BrokerSettings | str,
        name: str,
        declare: Declare,
        languages: Collection[str],
    ) -> None:
        self._broker = broker
        self._name = name
        self._declare = declare
        self._languages = languages

    def inspect(self) -> QueueSnapshot:
        """Look once, and put back queues that somebody deleted.

        Raises one of CONNECTION_ERRORS when the broker does not answer.
        """
        with connect(self._broker, self._name) as connection:
            channel = connection.channel()
            self._declare(channel)
            drained = _are_empty(channel, _INBOX)
            if not _are_empty(channel, _DELAYS):
                return QueueSnapshot(drained, frozenset())
            idle = [
                language
                for language in self._languages
                if _are_empty(channel, [topology.run_queue(language)])
            ]
            return QueueSnapshot(drained, frozenset(idle))


def _are_empty(channel: BlockingChannel, queues: Collection[str]) -> bool:
    declared = (channel.queue_declare(queue, passive=True) for queue in queues)
    return all(answer.method.message_count == 0 for answer in declared)
