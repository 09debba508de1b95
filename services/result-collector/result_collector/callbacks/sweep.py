"""Finding callbacks that were forgotten: a crash, a purged queue, a broker that was away."""

from collections.abc import Callable

import structlog

from result_collector.callbacks.retry_schedule import Schedule
from result_collector.callbacks.store import CallbackStore, Recovered
from result_collector.ingest.completion_publisher import Publishes
from runlet import topology
from runlet.messages import CallbackRequested
from runlet_amqp import envelopes
from runlet_amqp.connection import connect
from runlet_amqp.envelopes import OutgoingMessage
from runlet_amqp.event_loop_connection import Declare
from runlet_amqp.settings import BrokerSettings
from runlet_telemetry import tracing
from runlet_telemetry.metrics import CALLBACKS

log = structlog.get_logger()


class CallbackQueue:
    """A look at the queue of callbacks, over a connection that lives as long as the look."""

    def __init__(self, broker: BrokerSettings, name: str, declare: Declare) -> None:
        self._broker = broker
        self._name = name
        self._declare = declare

    def waiting(self) -> int:
        """How many callbacks wait to be sent; puts back queues that somebody deleted.

        Raises one of CONNECTION_ERRORS when the broker does not answer.
        """
        with connect(self._broker, self._name) as connection:
            channel = connection.channel()
            self._declare(channel)
            declared = channel.queue_declare(topology.CALLBACKS_QUEUE, passive=True)
            count: int = declared.method.message_count
            return count


class Sweep:
    """Asks again for callbacks that were forgotten; any number may work side by side."""

    def __init__(
        self,
        store: CallbackStore,
        waiting: Callable[[], int],
        publisher: Publishes,
        schedule: Schedule,
    ) -> None:
        self._store = store
        self._waiting = waiting
        self._publisher = publisher
        self._schedule = schedule

    def turn(self) -> None:
        """Look once. Raises one of CONNECTION_ERRORS or of SQLAlchemy's errors when that fails."""
        schedule = self._schedule
        room = schedule.most_waiting - self._waiting()
        if room <= 0:
            return
        for recovered in self._store.recover(schedule.quiet, schedule.most_attempts, room):
            self._publisher.publish(_message(recovered))
            with tracing.logged(recovered.traceparent):
                _report(recovered)


def _message(recovered: Recovered) -> OutgoingMessage:
    if recovered.next_attempt is None:
        request = CallbackRequested(recovered.execution_id, recovered.attempts)
        return envelopes.dead_callback(request, recovered.problem, recovered.traceparent)
    request = CallbackRequested(recovered.execution_id, recovered.next_attempt)
    return envelopes.callback(request, recovered.traceparent)


def _report(recovered: Recovered) -> None:
    if recovered.next_attempt is None:
        CALLBACKS.labels("given_up").inc()
    log.warning(
        "callback_given_up" if recovered.next_attempt is None else "callback_asked_for_again",
        execution_id=str(recovered.execution_id),
        attempt=recovered.next_attempt or recovered.attempts,
    )
