"""What the runner tells the others, each telling confirmed by the broker."""

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


class Reporter:
    """Publishes until the broker has it."""

    def __init__(self, publisher: Publishes) -> None:
        self._publisher = publisher

    def mention(self, message: Envelope) -> None:
        """Publish what may be lost: the end of the execution tells it again."""
        self._publisher.publish(message)

    def offer(self, message: Envelope) -> "Future[None]":
        """Publish once; the future carries BrokerUnavailableError when the broker has it not."""
        return self._publisher.publish(message)

    def tell(self, message: Envelope) -> None:
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
