"""What of a batch is stored together: an end brings the start of its attempt along.

Most programs are over so soon that both are told in one breath; then one statement does for both.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from result_collector.ingest import events
from runlet import topology
from runlet.messages import Event, ExecutionFinished, ExecutionStarted, InvalidMessageError
from runlet_amqp.consumer import Delivery


@dataclass(frozen=True)
class Unit:
    """A delivery and the event in it; without one it is a dead letter, or `problem` says why.

    `start` is the delivery of the start that is stored with this end.
    """

    delivery: Delivery
    event: Event | None = None
    problem: str = ""
    start: "Unit | None" = None

    @property
    def begun(self) -> ExecutionStarted | None:
        """The start that is stored with this end."""
        event = None if self.start is None else self.start.event
        return event if isinstance(event, ExecutionStarted) else None


def of(deliveries: Sequence[Delivery]) -> list[Unit]:
    """The units of a batch, in the order of what they say last."""
    starts: dict[tuple[UUID, int], Unit] = {}
    units: list[Unit] = []
    for unit in map(read, deliveries):
        match unit.event:
            case ExecutionStarted(execution_id=id_, attempt=attempt):
                starts.setdefault((id_, attempt), unit)
            case ExecutionFinished(execution_id=id_, attempt=attempt) if (id_, attempt) in starts:
                start = starts.pop((id_, attempt))
                units.remove(start)
                units.append(replace(unit, start=start))
                continue
        units.append(unit)
    return units


def apart(unit: Unit) -> list[Unit]:
    """A unit's deliveries, each by itself again."""
    return [unit] if unit.start is None else [unit.start, replace(unit, start=None)]


def read(delivery: Delivery) -> Unit:
    """A delivery by itself."""
    if delivery.queue == topology.DEAD_QUEUE:
        return Unit(delivery)
    try:
        return Unit(delivery, events.read(delivery))
    except InvalidMessageError as error:
        return Unit(delivery, problem=str(error))
