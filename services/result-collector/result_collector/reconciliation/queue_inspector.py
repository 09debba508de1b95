"""What waits in the broker's queues, as far as losses can be told by it."""

from collections.abc import Collection
from dataclasses import dataclass

from runlet import topology
from runlet.clock import Clock
from runlet_amqp.queue_counter import QueueCounter

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
        """Take note of a snapshot; gives the languages idle in each for long enough."""
        now = self._clock.monotonic()
        self._since = {language: self._since.get(language, now) for language in idle}
        return frozenset(
            language
            for language, since in self._since.items()
            if now - since >= self._enough_seconds
        )


class QueueInspector:
    """Counts ready messages."""

    def __init__(self, counter: QueueCounter, languages: Collection[str]) -> None:
        self._counter = counter
        self._languages = languages

    def inspect(self) -> QueueSnapshot:
        """Look once, and put back queues that somebody deleted.

        Raises BrokerUnavailableError when the broker does not answer.
        """
        drained = self._are_empty(_INBOX)
        if not self._are_empty(_DELAYS):
            return QueueSnapshot(drained, frozenset())
        idle = [
            language
            for language in self._languages
            if self._are_empty([topology.run_queue(language)])
        ]
        return QueueSnapshot(drained, frozenset(idle))

    def _are_empty(self, queues: Collection[str]) -> bool:
        return all(self._counter.count(queue).messages == 0 for queue in queues)
