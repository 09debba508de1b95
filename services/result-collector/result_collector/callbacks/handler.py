"""Handling a message that asks for a callback: one message, one attempt, one outcome."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import structlog

from result_collector.callbacks import delivery_result
from result_collector.callbacks.delivery_result import DeliveryResult
from result_collector.callbacks.retry_schedule import RetrySchedule
from result_collector.callbacks.sender import Attempt, Sends
from result_collector.callbacks.store import CallbackStore
from result_collector.ingest.completion_publisher import Publishes
from runlet import messages
from runlet.backoff import Stop, retry_until_stopped
from runlet.messages import CallbackRequested, InvalidMessageError
from runlet_amqp import delivery_tracing, envelopes
from runlet_amqp.consumer import Delivery
from runlet_amqp.envelopes import Envelope
from runlet_amqp.errors import BrokerUnavailableError
from runlet_postgres.errors import DatabaseUnavailableError
from runlet_telemetry import tracing
from runlet_telemetry.metrics import CALLBACKS
from runlet_telemetry.tracing import OFF, Tracer

log = structlog.get_logger()

CONFIRM_SECONDS = 10

Result = TypeVar("Result")


class CallbackHandler:
    """Makes the attempts that messages ask for, whichever thread it is called on.

    The delivery may be settled whenever `handle` returns: what is not confirmed by the broker then
    stands in the database, where the sweep finds it.
    """

    def __init__(
        self,
        store: CallbackStore,
        sender: Sends,
        publisher: Publishes,
        schedule: RetrySchedule,
        tracer: Tracer = OFF,
    ) -> None:
        self._store = store
        self._sender = sender
        self._publisher = publisher
        self._schedule = schedule
        self._tracer = tracer

    def handle(self, delivery: Delivery, stop: Stop) -> None:
        """Make the attempt, unless it was made before.

        An unavailable database is tried again. Raises DatabaseUnavailableError when `stop` is set
        before it is back.
        """
        with delivery_tracing.handling(self._tracer, "callback", delivery) as delivered:
            request = _read(delivered)
            if request is not None:
                self._handle(request, delivered, stop)

    def _handle(self, request: CallbackRequested, delivery: Delivery, stop: Stop) -> None:
        attempt = _retry(stop, partial(self._store.begin, request.execution_id, request.attempt))
        if attempt is None:
            self._dead_letter_if_given_up(request, delivery, stop)
            return
        result = self._send(attempt)
        delay = self._delay_after(attempt, result)
        if _retry(stop, partial(self._store.conclude, attempt, result, delay)):
            self._go_on(attempt, result, delay, delivery.traceparent)
        else:
            # Perhaps concluded, and the database went away before it could say so.
            self._dead_letter_if_given_up(request, delivery, stop)

    def _send(self, attempt: Attempt) -> DeliveryResult:
        try:
            return self._sender.send(attempt)
        except Exception:
            # Whatever one receiver brings to light must not cost the others their thread.
            log.exception("callback_send_failed", execution_id=str(attempt.execution_id))
            return delivery_result.no_answer(
                "The callback could not be sent through a fault of the platform."
            )

    def _delay_after(self, attempt: Attempt, result: DeliveryResult) -> float | None:
        if result.problem is None or result.final:
            return None
        return self._schedule.delay_after(attempt.number - attempt.first + 1)

    def _go_on(
        self, attempt: Attempt, result: DeliveryResult, delay: float | None, traceparent: str | None
    ) -> None:
        _report(attempt, result, delay)
        if result.problem is None:
            return
        if delay is not None:
            following = CallbackRequested(attempt.execution_id, attempt.number + 1)
            self._publish(envelopes.callback(following, traceparent, delay))
        else:
            request = CallbackRequested(attempt.execution_id, attempt.number)
            self._publish(envelopes.dead_callback(request, result.problem, traceparent))

    def _dead_letter_if_given_up(
        self, request: CallbackRequested, delivery: Delivery, stop: Stop
    ) -> None:
        """Finish what stopped between giving a callback up and putting it with the dead ones."""
        find = partial(self._store.find_failure, request.execution_id, request.attempt)
        problem = _retry(stop, find)
        if problem is not None:
            self._publish(envelopes.dead_callback(request, problem, delivery.traceparent))

    def _publish(self, message: Envelope) -> None:
        try:
            self._publisher.publish(message).result(CONFIRM_SECONDS)
        except (BrokerUnavailableError, TimeoutError) as error:
            log.warning(
                "callback_publish_failed", execution_id=message.execution_id, error=str(error)
            )


def _retry(stop: Stop, act: Callable[[], Result]) -> Result:
    return retry_until_stopped(act, stop, (DatabaseUnavailableError,), _log_failure)


def _log_failure(attempt: int, error: BaseException) -> None:
    log.warning("database_unavailable", attempt=attempt, error=str(error))


def _read(delivery: Delivery) -> CallbackRequested | None:
    try:
        message = messages.decode(delivery.type, delivery.body)
    except InvalidMessageError as error:
        log.error("callback_rejected", execution_id=delivery.correlation_id, error=str(error))
        return None
    if not isinstance(message, CallbackRequested):
        log.error("callback_rejected", execution_id=delivery.correlation_id, type=delivery.type)
        return None
    return message


def _report(attempt: Attempt, result: DeliveryResult, delay: float | None) -> None:
    outcome = _outcome(result, delay)
    CALLBACKS.labels(outcome).inc()
    tracing.note({"runlet.attempt": attempt.number, "runlet.outcome": outcome})
    level = log.info if result.problem is None else log.warning
    level(
        f"callback_{outcome}",
        execution_id=str(attempt.execution_id),
        attempt=attempt.number,
        http_status=result.http_status,
        problem=result.problem,
        next_in_seconds=delay,
    )


def _outcome(result: DeliveryResult, delay: float | None) -> str:
    if result.problem is None:
        return "delivered"
    return "given_up" if delay is None else "failed"
