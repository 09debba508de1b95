"""Publishing what became of a run, under three guarantees of delivery."""

from concurrent.futures import Future
from typing import Protocol

import structlog
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from runlet_amqp.envelopes import Envelope
from runlet_amqp.errors import BrokerUnavailableError

log = structlog.get_logger()

CONFIRM_SECONDS = 30
LONGEST_OUTAGE_SECONDS = 300


class Publishes(Protocol):
    """The part of runlet_amqp.publisher.Publisher that is used here."""

    def publish(self, message: Envelope) -> "Future[None]":
        """Hand a message over; the future is done when it is confirmed."""
        ...


class EventPublisher:
    """Publishes a run's events; safe for several threads."""

    def __init__(self, publisher: Publishes) -> None:
        self._publisher = publisher

    def publish_best_effort(self, message: Envelope) -> None:
        """Publish what may be lost: the end of the execution carries it too."""
        self._publisher.publish(message)

    def publish(self, message: Envelope) -> "Future[None]":
        """Publish once; the future carries BrokerUnavailableError when the broker has it not."""
        return self._publisher.publish(message)

    def publish_confirmed(self, message: Envelope) -> None:
        """Publish and wait for the confirmation, through an outage of the broker too.

        Raises BrokerUnavailableError when the outage lasts too long.
        """
        for attempt in Retrying(
            retry=retry_if_exception_type((BrokerUnavailableError, TimeoutError)),
            wait=wait_random_exponential(multiplier=0.1, max=5),
            stop=stop_after_delay(LONGEST_OUTAGE_SECONDS),
            reraise=True,
        ):
            with attempt:
                self._publisher.publish(message).result(CONFIRM_SECONDS)
