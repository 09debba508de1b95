"""Returning deliveries that were not started, so that it costs them nothing."""

import time
from collections.abc import Callable, Sequence

import structlog

from runlet.messages import InvalidMessageError
from runlet_amqp import envelopes
from runlet_amqp.consumer import Delivery
from runlet_amqp.errors import BrokerUnavailableError
from runner.consume.event_publisher import EventPublisher
from runner.consume.request_decoding import request_from

log = structlog.get_logger()

CONFIRM_SECONDS = 10.0


class UnstartedReturn:
    """Publishes deliveries again and acknowledges those that the broker has then.

    Without this they would come back by themselves as the channel closes, which their queue counts
    as a failure of each: after a few restarts it would dead-letter runs that never began. A run
    that a crash between the two steps puts into the queue twice is recognised by its attempt.
    """

    def __init__(
        self, publisher: EventPublisher, acknowledge: Callable[[Sequence[Delivery]], None]
    ) -> None:
        self._publisher = publisher
        self._acknowledge = acknowledge

    def __call__(self, deliveries: Sequence[Delivery]) -> None:
        """Return deliveries; what the broker does not take comes back by itself."""
        published = [
            (delivery, self._publisher.publish(message))
            for delivery in deliveries
            if (message := _again(delivery))
        ]
        deadline = time.monotonic() + CONFIRM_SECONDS
        for delivery, confirmed in published:
            try:
                confirmed.result(max(0.0, deadline - time.monotonic()))
            except (BrokerUnavailableError, TimeoutError) as error:
                log.warning(
                    "request_return_failed", execution_id=delivery.correlation_id, error=repr(error)
                )
            else:
                self._acknowledge([delivery])
                log.info("request_returned", execution_id=delivery.correlation_id)


def _again(delivery: Delivery) -> envelopes.Envelope | None:
    """The same request under the same attempt; nothing for what cannot be read."""
    try:
        request = request_from(delivery)
    except InvalidMessageError:
        return None
    return envelopes.run_request(request, delivery.traceparent)
