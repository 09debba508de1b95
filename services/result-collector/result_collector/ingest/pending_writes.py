"""From deliveries to what is to be written: all work that needs no database."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from result_collector.ingest import changes, dead_letters
from result_collector.ingest.changes import Change
from result_collector.ingest.dead_letters import DeadLetter
from runlet import messages, topology
from runlet.execution import TERMINAL
from runlet.messages import (
    Event,
    ExecutionFinished,
    ExecutionRetrying,
    ExecutionStarted,
    InvalidMessageError,
)
from runlet_amqp.consumer import Delivery


@dataclass(frozen=True)
class PendingWrite:
    """A delivery, read: what it changes, and the dead letter that it is kept as, if it is one.

    `problem` says why a delivery that should be an event cannot be stored.
    """

    delivery: Delivery
    change: Change | None = None
    letter: DeadLetter | None = None
    problem: str = ""

    @property
    def lock_key(self) -> UUID:
        """Which rows it locks; collectors that lock them in this order cannot deadlock."""
        if self.change is not None:
            return self.change.execution_id
        return self.letter.id if self.letter else UUID(int=0)


def read(delivery: Delivery, now: datetime) -> PendingWrite:
    """What a delivery is to change, whatever is in it."""
    if delivery.queue == topology.DEAD_QUEUE and not dead_letters.is_event(delivery):
        return _read_request(delivery, now)
    try:
        return PendingWrite(delivery, changes.from_event(_read_event(delivery)))
    except InvalidMessageError as error:
        return PendingWrite(delivery, letter=dead_letters.from_event(delivery), problem=str(error))


def _read_request(delivery: Delivery, now: datetime) -> PendingWrite:
    letter = dead_letters.from_request(delivery)
    if letter.execution_id is None:
        return PendingWrite(delivery, letter=letter)
    change = changes.from_dead_letter(letter, letter.execution_id, now)
    return PendingWrite(delivery, change, letter)


def _read_event(delivery: Delivery) -> Event:
    """Raises InvalidMessageError for what is no event, or makes no sense."""
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
