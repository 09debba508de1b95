"""Asking again for callbacks that were lost: by a crash, a purged queue, a broker outage."""

import structlog

from result_collector.callbacks.retry_schedule import RetrySchedule
from result_collector.callbacks.store import CallbackStore, Recovered
from result_collector.ingest.completion_publisher import Publishes
from runlet import topology
from runlet.messages import CallbackRequested
from runlet_amqp import envelopes
from runlet_amqp.envelopes import Envelope
from runlet_amqp.queue_counter import QueueCounter
from runlet_telemetry import tracing
from runlet_telemetry.metrics import CALLBACKS

log = structlog.get_logger()


class Sweep:
    """Asks again for callbacks that were forgotten; any number may work side by side."""

    def __init__(
        self,
        store: CallbackStore,
        counter: QueueCounter,
        publisher: Publishes,
        schedule: RetrySchedule,
    ) -> None:
        self._store = store
        self._counter = counter
        self._publisher = publisher
        self._schedule = schedule

    def turn(self) -> None:
        """Look once. Raises BrokerUnavailableError and DatabaseUnavailableError."""
        schedule = self._schedule
        waiting = self._counter.count(topology.CALLBACKS_QUEUE).messages
        room = schedule.most_waiting - waiting
        if room <= 0:
            return
        for recovered in self._store.recover(schedule.quiet, schedule.most_attempts, room):
            self._publisher.publish(_message(recovered))
            with tracing.logged(recovered.traceparent):
                _report(recovered)


def _message(recovered: Recovered) -> Envelope:
    if recovered.next_attempt is None:
        request = CallbackRequested(recovered.execution_id, recovered.attempts)
        return envelopes.dead_callback(request, recovered.problem, recovered.traceparent)
    request = CallbackRequested(recovered.execution_id, recovered.next_attempt)
    return envelopes.callback(request, recovered.traceparent)


def _report(recovered: Recovered) -> None:
    if recovered.next_attempt is None:
        CALLBACKS.labels("given_up").inc()
    log.warning(
        "callback_given_up" if recovered.next_attempt is None else "callback_requeued",
        execution_id=str(recovered.execution_id),
        attempt=recovered.next_attempt or recovered.attempts,
    )
