"""Storing events as the collector does, without a broker."""

from collections import deque
from itertools import count

from result_collector.feedback.loops import LoopChecker
from result_collector.ingest.batch_writer import BatchWriter
from result_collector.ingest.store import Store, Stored
from runlet import messages, topology
from runlet.clock import SystemClock
from runlet.messages import Event
from runlet_amqp.consumer import Delivery
from runlet_telemetry.tracing import OFF
from support.databases.executions import ExecutionsDatabase

_tags = count(1)


def delivered(event: Event) -> Delivery:
    """An event as it comes out of the collector's queue."""
    return delivery(
        messages.TYPE_NAMES[type(event)], messages.encode(event), str(event.execution_id)
    )


def delivery(
    type_name: str | None,
    body: bytes,
    correlation_id: str | None = None,
    queue: str = topology.RESULTS_QUEUE,
    **headers: object,
) -> Delivery:
    """Any message as it comes out of a queue."""
    return Delivery(queue, next(_tags), 1, type_name, body, correlation_id, dict(headers))


def store(database: ExecutionsDatabase, *events: Event) -> list[Stored]:
    """Store events in this order, in one batch."""
    return store_deliveries(database, *map(delivered, events))


def store_deliveries(database: ExecutionsDatabase, *deliveries: Delivery) -> list[Stored]:
    """Store deliveries in this order, in one batch."""
    stored: list[Stored] = []
    store, clock = Store(database.engine, SystemClock()), SystemClock()
    find_loops = LoopChecker(database.engine, clock).check
    BatchWriter(store, stored.append, OFF, clock, find_loops).write(deque(deliveries))
    return stored
