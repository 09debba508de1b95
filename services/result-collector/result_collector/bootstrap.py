"""Puts the collector together: the only place that builds what it talks to."""

import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from queue import Queue

from sqlalchemy import Engine

from result_collector import instrumentation
from result_collector.callbacks.handler import CallbackHandler
from result_collector.callbacks.post import HttpPost
from result_collector.callbacks.receiver_dns import AddressBook, Resolve, resolve_by_system
from result_collector.callbacks.retry_schedule import Schedule
from result_collector.callbacks.sender import Sender
from result_collector.callbacks.signing import Signer
from result_collector.callbacks.store import CallbackStore
from result_collector.callbacks.sweep import Sweep
from result_collector.callbacks.workers import WORKERS, CallbackWorkers
from result_collector.collector import Collector, Loop
from result_collector.config import Config
from result_collector.gauges import queue_age
from result_collector.gauges.queue_depth import QueueGauges
from result_collector.ingest.completion_publisher import Endings, Tells
from result_collector.ingest.store import Store
from result_collector.ingest.store_reporting import report
from result_collector.ingest.store_tracing import storing
from result_collector.ingest.writer import Write, Writer
from result_collector.instrumentation import CountedEndings
from result_collector.periodic import Periodic
from result_collector.pulse import Pulses
from result_collector.reconciliation.queue_inspector import IdleLanguages, Queues
from result_collector.reconciliation.reconciler import Reconciler
from result_collector.reconciliation.repository import Reconciliation
from result_collector.retention.executions import Retention
from runlet import topology
from runlet.clock import SystemClock
from runlet.lifecycle import StopSignal
from runlet_amqp import declaration
from runlet_amqp.consumer import Consumer, Delivery
from runlet_amqp.declaration import Topology
from runlet_amqp.publisher import Publisher
from runlet_amqp.queue_counter import QueueCounter
from runlet_amqp.redelivery_counter import counted
from runlet_postgres import engines
from runlet_telemetry import build_info, metrics, tracers
from runlet_telemetry.ops_server import OPS_PORT, OpsServer
from runlet_telemetry.supervision import Supervisor
from runlet_telemetry.tracing import Tracer

NAME = "result-collector"
UPKEEP_NAME = f"{NAME}-upkeep"
CALLBACKS_NAME = f"{NAME}-callbacks"
GAUGES_NAME = f"{NAME}-gauges"
WRITER_CONNECTIONS = 1
# The reconciler's and the retention's.
UPKEEP_CONNECTIONS = 2
# An attempt needs one for a moment before and after it was sent.
CALLBACK_CONNECTIONS = 4

# Enough for the next batch to be here while one is written; results may be megabytes each.
PREFETCH = 50
RETENTION_EVERY_SECONDS = 3600


@dataclass(frozen=True)
class Outside:
    """What callbacks meet outside of the platform; tests put something else in its place."""

    resolve: Resolve = resolve_by_system
    tls: Callable[[], ssl.SSLContext] = ssl.create_default_context
    schedule: Schedule = field(default_factory=Schedule)


def create_collector(
    config: Config,
    stop: StopSignal,
    ops_port: int = OPS_PORT,
    outside: Outside = Outside(),
) -> Collector:
    """The collector. Raises ConfigError for unknown languages and unusable callback settings."""
    pulses = Pulses(stop, SystemClock())
    wanted = declaration.create_topology(
        config.offered_languages(), outside.schedule.delays_seconds
    )
    supervisor = Supervisor()
    tracer = tracers.create(config, NAME)
    publisher = Publisher(config, NAME, wanted, tracer)
    deliveries: Queue[Delivery] = Queue()
    consumer = _create_consumer(config, wanted, deliveries)
    write = _create_write(config, _create_endings(publisher), tracer)
    writer = Writer(deliveries, write, consumer.settle, pulses.add())
    upkeep = _create_upkeep(config, wanted, publisher, pulses, tracer)
    callbacks = _create_callbacks(config, wanted, publisher, supervisor, pulses, outside, tracer)
    database_answers = engines.create_probe(config.database_url, NAME)
    ops = OpsServer(
        stalled=lambda: (
            supervisor.stalled() + ([] if writer.alive and pulses.beat() else ["collector"])
        ),
        ready=lambda: {"database": database_answers(), "message broker": consumer.connected},
        metrics=metrics.COLLECTOR,
        port=ops_port,
    )
    gauges = _create_gauges(config, wanted, pulses, outside)
    beside = (*upkeep, *callbacks, *gauges)
    return Collector(supervisor, consumer, writer, beside, publisher, ops, stop, tracer)


def _create_consumer(config: Config, wanted: Topology, deliveries: "Queue[Delivery]") -> Consumer:
    queues = (topology.RESULTS_QUEUE, topology.DEAD_QUEUE)
    return Consumer(
        config,
        NAME,
        queues=queues,
        prefetch=PREFETCH,
        topology=wanted,
        on_delivery=counted(queues, deliveries.put),
    )


def _create_endings(publisher: Publisher) -> Tells:
    return CountedEndings(Endings(publisher), SystemClock())


def _create_write(config: Config, endings: Tells, tracer: Tracer) -> Write:
    clock = SystemClock()
    engine = engines.create_engine(config.database_url, NAME, WRITER_CONNECTIONS, autocommit=True)
    store = Store(engine, clock)

    def write(batch: Sequence[Delivery]) -> None:
        with storing(tracer, batch) as delivered:
            applied = store.apply(delivered)
        for stored in applied:
            if stored.ended is not None:
                endings.tell(stored.ended, stored.traceparent)
        for stored in applied:
            report(stored, clock)

    return write


def _create_upkeep(
    config: Config, wanted: Topology, publisher: Publisher, pulses: Pulses, tracer: Tracer
) -> tuple[Periodic, ...]:
    engine = engines.create_engine(
        config.database_url, UPKEEP_NAME, UPKEEP_CONNECTIONS, autocommit=False
    )
    return (
        _create_reconciler(config, engine, wanted, publisher, pulses, tracer),
        _create_retention(config, engine, pulses),
    )


def _create_reconciler(
    config: Config,
    engine: Engine,
    wanted: Topology,
    publisher: Publisher,
    pulses: Pulses,
    tracer: Tracer,
) -> Periodic:
    clock, after = SystemClock(), config.reconcile_after_seconds
    languages = config.offered_languages()
    reconciler = Reconciler(
        Queues(QueueCounter(config, UPKEEP_NAME, wanted), languages),
        IdleLanguages(clock, after),
        Reconciliation(engine, clock, timedelta(seconds=after), languages),
        publisher,
        _create_endings(publisher),
        tracer,
    )
    every = config.reconcile_every_seconds
    return Periodic("reconciler", every, reconciler.turn, pulses.add(every))


def _create_retention(config: Config, engine: Engine, pulses: Pulses) -> Periodic:
    pulse, keep = pulses.add(RETENTION_EVERY_SECONDS), timedelta(days=config.retention_days)
    retention = Retention(engine, SystemClock(), keep, pulse)
    return Periodic("retention", RETENTION_EVERY_SECONDS, retention.turn, pulse)


def _create_gauges(
    config: Config, wanted: Topology, pulses: Pulses, outside: Outside
) -> tuple[Loop, ...]:
    build_info.announce(NAME, Path(__file__).parent)
    languages = config.offered_languages()
    instrumentation.prepare(languages)
    queues = topology.queues(languages, outside.schedule.delays_seconds)
    engine = engines.create_engine(config.database_url, GAUGES_NAME, 1, autocommit=True)
    every = queue_age.EVERY_SECONDS
    ages = queue_age.AgeGauges(engine, languages)
    return (
        QueueGauges(QueueCounter(config, GAUGES_NAME, wanted), queues, pulses.add(every)),
        Periodic("age-gauges", every, ages.turn, pulses.add(every)),
    )


def _create_callbacks(
    config: Config,
    wanted: Topology,
    publisher: Publisher,
    supervisor: Supervisor,
    pulses: Pulses,
    outside: Outside,
    tracer: Tracer,
) -> tuple[Loop, ...]:
    """Nothing when the deployment allows no callbacks."""
    allowed = config.callback_receivers()
    if not allowed:
        return ()
    engine = engines.create_engine(
        config.database_url, CALLBACKS_NAME, CALLBACK_CONNECTIONS, autocommit=True
    )
    store, schedule = CallbackStore(engine, SystemClock()), outside.schedule
    post, signer = HttpPost(outside.tls()), Signer(config.callback_secret)
    sender = Sender(allowed, AddressBook(outside.resolve), post, signer)
    handler = CallbackHandler(store, sender, publisher, schedule, tracer)
    counter = QueueCounter(config, CALLBACKS_NAME, wanted)
    sweep, every = Sweep(store, counter, publisher, schedule), schedule.sweep_seconds
    return (
        _create_callback_workers(config, wanted, handler, supervisor, pulses),
        Periodic("callback-sweep", every, sweep.turn, pulses.add(every)),
    )


def _create_callback_workers(
    config: Config,
    wanted: Topology,
    handler: CallbackHandler,
    supervisor: Supervisor,
    pulses: Pulses,
) -> CallbackWorkers:
    deliveries: Queue[Delivery] = Queue()
    consumer = Consumer(
        config,
        CALLBACKS_NAME,
        queues=(topology.CALLBACKS_QUEUE,),
        prefetch=WORKERS,
        topology=wanted,
        on_delivery=counted((topology.CALLBACKS_QUEUE,), deliveries.put),
    )
    worker_stops = [pulses.add() for _ in range(WORKERS)]
    return CallbackWorkers(supervisor, consumer, deliveries, handler.handle, worker_stops)
