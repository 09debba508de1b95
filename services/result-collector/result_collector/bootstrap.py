"""Puts the collector together: the only place that builds what it talks to."""

import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
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
from result_collector.callbacks.sweep import CallbackQueue, Sweep
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
from runlet_amqp.event_loop_connection import Declare
from runlet_amqp.publisher import Publisher
from runlet_amqp.redelivery_counter import counted
from runlet_postgres import engines
from runlet_telemetry import build_info, metrics, tracing
from runlet_telemetry.ops_server import OPS_PORT, OpsServer
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
    declare = partial(
        declaration.declare,
        languages=config.offered_languages(),
        callback_delays_seconds=outside.schedule.delays_seconds,
    )
    supervisor, pulses = Supervisor(), Pulses(stop, SystemClock())
    tracer = tracing.create(config, NAME)
    publisher = Publisher(config, NAME, declare, tracer)
    inbox = Inbox()
    consumer = _create_consumer(config, declare, inbox)
    write = _create_write(config, _create_completions(publisher), tracer)
    writer = Writer(inbox, write, consumer)
    upkeep = _create_upkeep(config, declare, publisher, tracer)
    gauges = _create_gauges(config, declare, outside)
    database_answers = engines.create_probe(config.database_url, NAME)
    ops = OpsServer(
        healthy=lambda: not supervisor.stalled(),
        ready=lambda: {"database": database_answers(), "message broker": consumer.connected},
        metrics=metrics.COLLECTOR,
        port=ops_port,
    )
    beside = (*upkeep, *callbacks, *gauges)
    return Collector(consumer, writer, beside, publisher, ops, pulses.add(), tracer)


def _create_consumer(config: Config, declare: Declare, inbox: Inbox) -> Consumer:
    queues = (topology.RESULTS_QUEUE, topology.DEAD_QUEUE)
    return Consumer(
        config,
        NAME,
        queues=queues,
        prefetch=PREFETCH,
        declare=declare,
        on_delivery=counted(queues, inbox.put),
    )


def _create_completions(publisher: Publisher) -> Completions:
    return CountedCompletions(CompletionPublisher(publisher), SystemClock())


def _create_write(config: Config, completions: Completions, tracer: Tracer) -> Write:
    clock = SystemClock()
    engine = engines.create_engine(config.database_url, NAME, WRITER_CONNECTIONS, autocommit=True)

    def on_stored(stored: Stored) -> None:
        if stored.ended is not None:
            completions.publish(stored.ended, stored.traceparent)
        report(stored, clock)

    return BatchWriter(Store(engine, clock), on_stored, tracer, clock).write


def _create_upkeep(
    config: Config, declare: Declare, publisher: Publisher, pulses: Pulses, tracer: Tracer
) -> tuple[Periodic, ...]:
    engine = engines.create_engine(
        config.database_url, UPKEEP_NAME, UPKEEP_CONNECTIONS, autocommit=False
    )
    return (
        _create_reconciler(config, engine, declare, publisher, pulses, tracer),
        _create_retention(config, engine, pulses),
    )


def _create_reconciler(
    config: Config,
    engine: Engine,
    declare: Declare,
    publisher: Publisher,
    pulses: Pulses,
    tracer: Tracer,
) -> Periodic:
    clock, after = SystemClock(), config.reconcile_after_seconds
    languages = config.offered_languages()
    reconciler = Reconciler(
        Queues(config, UPKEEP_NAME, declare, languages),
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
    config: Config, declare: Declare, pulses: Pulses, outside: Outside
) -> tuple[Loop, ...]:
    build_info.announce(NAME, Path(__file__).parent)
    languages = config.offered_languages()
    instrumentation.prepare(languages)
    queues = topology.queues(languages, outside.schedule.delays_seconds)
    engine = engines.create_engine(config.database_url, GAUGES_NAME, 1, autocommit=True)
    every = queue_age.EVERY_SECONDS
    ages = queue_age.AgeGauges(engine, languages)
    return (
        QueueGauges(config, GAUGES_NAME, declare, queues, pulses.add(every)),
        Periodic("age-gauges", every, ages.turn, pulses.add(every)),
    )


def _create_callbacks(
    config: Config,
    declare: Declare,
    publisher: Publisher,
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
    queue = CallbackQueue(config, CALLBACKS_NAME, declare)
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
        config,
        CALLBACKS_NAME,
        queues=(topology.CALLBACKS_QUEUE,),
        prefetch=WORKERS,
        declare=declare,
        on_delivery=counted((topology.CALLBACKS_QUEUE,), deliveries.put),
    )
    worker_stops = [pulses.add() for _ in range(WORKERS)]
    return CallbackWorkers(consumer, deliveries, handler.handle, pulses.add(), worker_stops)
