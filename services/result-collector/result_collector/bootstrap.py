"""Puts the collector together: the only place that builds what it talks to."""

import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from queue import Queue
from typing import Protocol

from sqlalchemy import Engine

from result_collector.callbacks.handler import CallbackHandler
from result_collector.callbacks.post import HttpPost
from result_collector.callbacks.resolving import AddressBook, Resolve, resolve_by_system
from result_collector.callbacks.schedule import Schedule
from result_collector.callbacks.sender import Sender
from result_collector.callbacks.signing import Signer
from result_collector.callbacks.store import CallbackStore
from result_collector.callbacks.sweep import CallbackQueue, Sweep
from result_collector.callbacks.workers import WORKERS, CallbackWorkers
from result_collector.config import Config
from result_collector.endings import Endings
from result_collector.periodic import Periodic
from result_collector.pulse import Pulses
from result_collector.queues import IdleLanguages, Queues
from result_collector.reconciler import Reconciler
from result_collector.reconciliation import Reconciliation
from result_collector.reports import report
from result_collector.retention import Retention
from result_collector.store import Store
from result_collector.writer import Write, Writer
from runlet import postgres
from runlet.broker import topology
from runlet.broker.consumer import Consumer, Delivery
from runlet.broker.publisher import Declare, Publisher
from runlet.clock import SystemClock
from runlet.lifecycle import StopSignal
from runlet.ops_server import OPS_PORT, OpsServer

NAME = "result-collector"
UPKEEP_NAME = f"{NAME}-upkeep"
CALLBACKS_NAME = f"{NAME}-callbacks"
WRITER_CONNECTIONS = 1
# The reconciler's and the retention's.
UPKEEP_CONNECTIONS = 2
# An attempt needs one for a moment before and after it was sent.
CALLBACK_CONNECTIONS = 4

# Enough for the next batch to be here while one is written; results may be megabytes each.
PREFETCH = 50
PUBLISHER_HEAD_START_SECONDS = 2
RETENTION_EVERY_SECONDS = 3600


class Loop(Protocol):
    """Work on threads of its own, which ends when the collector's stop signal is set."""

    def start(self) -> None:
        """Begin."""
        ...

    def join(self) -> None:
        """Wait until what is in hand is done."""
        ...


@dataclass(frozen=True)
class Outside:
    """What callbacks meet outside of the platform; tests put something else in its place."""

    resolve: Resolve = resolve_by_system
    tls: Callable[[], ssl.SSLContext] = ssl.create_default_context
    schedule: Schedule = field(default_factory=Schedule)


@dataclass(frozen=True)
class Collector:
    """The collector's threads; the consumer's and the writer's are joined by a queue.

    Those `beside` them keep the database in order, and send callbacks.
    """

    consumer: Consumer
    writer: Writer
    beside: tuple[Loop, ...]
    publisher: Publisher
    ops: OpsServer
    stop: StopSignal

    def run(self) -> bool:
        """Collect until stopped; False when it stopped because writing failed."""
        self.publisher.start()
        # An end that is stored before anything can be told makes its waiters wait longer.
        self.publisher.wait_until_connected(PUBLISHER_HEAD_START_SECONDS)
        threads: tuple[Loop, ...] = (self.writer, *self.beside)
        for thread in threads:
            thread.start()
        try:
            self.consumer.run(self.stop, is_drained=lambda: not self.writer.alive)
        finally:
            self.stop.set()
            for thread in threads:
                thread.join()
            # Last: what was committed is still to be told.
            self.publisher.close()
        return not self.writer.failed


def create_collector(
    config: Config,
    stop: StopSignal,
    ops_port: int = OPS_PORT,
    outside: Outside = Outside(),
) -> Collector:
    """The collector. Raises ConfigError for unknown languages and unusable callback settings."""
    pulses = Pulses(stop, SystemClock())
    declare = partial(
        topology.declare,
        languages=config.offered_languages(),
        callback_delays_seconds=outside.schedule.delays_seconds,
    )
    publisher = Publisher(config.amqp_url, NAME, declare)
    deliveries: Queue[Delivery] = Queue()
    consumer = _create_consumer(config, declare, deliveries)
    write = _create_write(config, Endings(publisher))
    writer = Writer(deliveries, write, consumer.settle, pulses.add())
    upkeep = _create_upkeep(config, declare, publisher, pulses)
    callbacks = _create_callbacks(config, declare, publisher, pulses, outside)
    database_answers = postgres.create_probe(config.database_url, NAME)
    ops = OpsServer(
        healthy=lambda: writer.alive and pulses.beat(),
        ready=lambda: {"database": database_answers(), "message broker": consumer.connected},
        port=ops_port,
    )
    beside = (*upkeep, *callbacks)
    return Collector(consumer, writer, beside, publisher, ops, stop=pulses.add())


def _create_consumer(config: Config, declare: Declare, deliveries: "Queue[Delivery]") -> Consumer:
    return Consumer(
        config.amqp_url,
        NAME,
        queues=(topology.RESULTS_QUEUE, topology.DEAD_QUEUE),
        prefetch=PREFETCH,
        declare=declare,
        on_delivery=deliveries.put,
    )


def _create_write(config: Config, endings: Endings) -> Write:
    clock = SystemClock()
    engine = postgres.create_engine(config.database_url, NAME, WRITER_CONNECTIONS, autocommit=False)
    store = Store(engine, clock)

    def write(batch: Sequence[Delivery]) -> None:
        applied = store.apply(batch)
        for stored in applied:
            if stored.ended is not None:
                endings.tell(stored.ended, stored.traceparent)
        for stored in applied:
            report(stored, clock)

    return write


def _create_upkeep(
    config: Config, declare: Declare, publisher: Publisher, pulses: Pulses
) -> tuple[Periodic, ...]:
    engine = postgres.create_engine(
        config.database_url, UPKEEP_NAME, UPKEEP_CONNECTIONS, autocommit=False
    )
    return (
        _create_reconciler(config, engine, declare, publisher, pulses),
        _create_retention(config, engine, pulses),
    )


def _create_reconciler(
    config: Config, engine: Engine, declare: Declare, publisher: Publisher, pulses: Pulses
) -> Periodic:
    clock, after = SystemClock(), config.reconcile_after_seconds
    languages = config.offered_languages()
    reconciler = Reconciler(
        Queues(config.amqp_url, UPKEEP_NAME, declare, languages),
        IdleLanguages(clock, after),
        Reconciliation(engine, clock, timedelta(seconds=after), languages),
        publisher,
        Endings(publisher),
    )
    every = config.reconcile_every_seconds
    return Periodic("reconciler", every, reconciler.turn, pulses.add(every))


def _create_retention(config: Config, engine: Engine, pulses: Pulses) -> Periodic:
    pulse, keep = pulses.add(RETENTION_EVERY_SECONDS), timedelta(days=config.retention_days)
    retention = Retention(engine, SystemClock(), keep, pulse)
    return Periodic("retention", RETENTION_EVERY_SECONDS, retention.turn, pulse)


def _create_callbacks(
    config: Config, declare: Declare, publisher: Publisher, pulses: Pulses, outside: Outside
) -> tuple[Loop, ...]:
    """Nothing when the deployment allows no callbacks."""
    allowed = config.callback_receivers()
    if not allowed:
        return ()
    engine = postgres.create_engine(
        config.database_url, CALLBACKS_NAME, CALLBACK_CONNECTIONS, autocommit=True
    )
    store, schedule = CallbackStore(engine, SystemClock()), outside.schedule
    post, signer = HttpPost(outside.tls()), Signer(config.callback_secret)
    sender = Sender(allowed, AddressBook(outside.resolve), post, signer)
    handler = CallbackHandler(store, sender, publisher, schedule)
    queue = CallbackQueue(config.amqp_url, CALLBACKS_NAME, declare)
    sweep, every = Sweep(store, queue.waiting, publisher, schedule), schedule.sweep_seconds
    return (
        _create_callback_workers(config, declare, handler, pulses),
        Periodic("callback-sweep", every, sweep.turn, pulses.add(every)),
    )


def _create_callback_workers(
    config: Config, declare: Declare, handler: CallbackHandler, pulses: Pulses
) -> CallbackWorkers:
    deliveries: Queue[Delivery] = Queue()
    consumer = Consumer(
        config.amqp_url,
        CALLBACKS_NAME,
        queues=(topology.CALLBACKS_QUEUE,),
        prefetch=WORKERS,
        declare=declare,
        on_delivery=deliveries.put,
    )
    worker_stops = [pulses.add() for _ in range(WORKERS)]
    return CallbackWorkers(consumer, deliveries, handler.handle, pulses.add(), worker_stops)
