"""From deliveries to events that can be stored."""

from datetime import datetime

from runlet import messages
from runlet.execution import TERMINAL
from runlet.messages import (
    Event,
    ExecutionFinished,
    ExecutionRetrying,
    ExecutionStarted,
    InvalidMessageError,
)
from runlet_amqp.consumer import Delivery


def read(delivery: Delivery) -> Event:
    """The event in a delivery. Raises InvalidMessageError for what is none, or makes no sense."""
    message = messages.decode(delivery.type, delivery.body)
    if not isinstance(message, Event):
        raise InvalidMessageError(f"{delivery.type} is no event.")
    if isinstance(message, ExecutionFinished) and message.status not in TERMINAL:
        raise InvalidMessageError(f"An execution cannot finish as {message.status}.")
    if any(moment.tzinfo is None for moment in _moments(message)):
        raise InvalidMessageError("A time in the event has no time zone.")
    return message


def _moments(event: Event) -> list[datetime]:
    match event:
        case ExecutionStarted():
            return [event.started_at]
        case ExecutionRetrying():
            return [event.at]
        case ExecutionFinished(started_at=started, finished_at=finished):
            return [finished] if started is None else [started, finished]
