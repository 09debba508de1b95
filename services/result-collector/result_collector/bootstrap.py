"""Puts the collector together: the only place that builds what it talks to."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from queue import Queue

from sqlalchemy import Engine

from result_collector import instrumentation
from result_collector.callbacks.handler import CallbackHandler
from result_collector.callbacks.post import HttpPost
from result_collector.callbacks.receiver_dns import ReceiverResolver, Resolve, resolve_by_system
from result_collector.callbacks.retry_schedule import RetrySchedule
from result_collector.callbacks.sender import Sender
from result_collector.callbacks.signing import Signer
from result_collector.callbacks.store import CallbackStore
from result_collector.callbacks.sweep import Sweep
from result_collector.callbacks.workers import WORKERS, CallbackWorkers
from result_collector.collector import Collector, Pipeline
from result_collector.config import Config
from result_collector.feedback.loops import LoopChecker
from result_collector.gauges import queue_age, queue_depth
from result_collector.gauges.queue_age import AgeGauges
from result_collector.gauges.queue_depth import QueueGauges
from result_collector.ingest.batch_writer import BatchWriter, FindLoops, find_no_loops
from result_collector.ingest.completion_publisher import CompletionPublisher, Completions
from result_collector.ingest.inbox import Inbox
from result_collector.ingest.store import Store, Stored
from result_collector.ingest.store_reporting import report
from result_collector.ingest.writer import Writer
from result_collector.instrumentation import CountedCompletions
from result_collector.reconciliation.queue_inspector import IdleLanguages, QueueInspector
from result_collector.reconciliation.reconciler import Reconciler
from result_collector.reconciliation.repository import Reconciliation
from result_collector.retention.executions import Retention
from result_collector.turns import every
from runlet import topology
from runlet.clock import SystemClock
from runlet.lifecycle import StopSignal
from runlet_amqp import declaration
from runlet_amqp.consumer import Consumer, Delivery
from runlet_amqp.declaration import Topology
from runlet_amqp.publisher import Publisher
from runlet_amqp.queue_counter import QueueCounter
from runlet_amqp.redelivery_counter import counted
from runlet_loop_guard import LoopGuard, load_grammars
from runlet_postgres import engines
from runlet_telemetry import build_info, metrics, tracers
from runlet_telemetry.ops_server import OPS_PORT, OpsServer
from runlet_telemetry.supervision import Loop, Supervisor
from runlet_telemetry.tracing import Tracer

NAME = "result-collector"
UPKEEP_NAME = f"{NAME}-upkeep"
CALLBACKS_NAME = f"{NAME}-callbacks"
GAUGES_NAME = f"{NAME}-gauges"
WRITER_CONNECTIONS = 1
# An attempt needs one for a moment before and after it was sent.
CALLBACK_CONNECTIONS = 4

# AMQP bounds what is on its way by messages only, and a result may be some 12 MiB as JSON: two
# streams of 1 MiB of control characters, each of which takes six bytes. So few that they fit into
# memory, and enough for the next batch to be here while one is written.
PREFETCH = 6
RETENTION_EVERY_SECONDS = 3600


@dataclass(frozen=True)
class Outside:
    """What callbacks meet outside of the platform; tests put something else in its place."""

    resolve: Resolve = resolve_by_system
    tls: Callable[[], ssl.SSLContext] = ssl.create_default_context
    schedule: RetrySchedule = field(default_factory=RetrySchedule)


@dataclass(frozen=True)
class _Parts:
    """What the loops share."""

    config: Config
    outside: Outside
    wanted: Topology
    supervisor: Supervisor
    publisher: Publisher
    tracer: Tracer

    def completions(self) -> Completions:
        return CountedCompletions(CompletionPublisher(self.publisher), SystemClock())

    def engine(self, name: str, pool_size: int, *, autocommit: bool = True) -> Engine:
        url = self.config.database_url
        return engines.create_engine(url, name, pool_size, autocommit=autocommit)

    def counter(self, name: str) -> QueueCounter:
        return QueueCounter(self.config, name, self.wanted)

    def is_drained(self, workers: tuple[Loop, ...]) -> Callable[[], bool]:
        names = [worker.name for worker in workers]
        return lambda: not any(map(self.supervisor.is_running, names))


def create_collector(
    config: Config,
    stop: StopSignal,
    ops_port: int = OPS_PORT,
    outside: Outside = Outside(),
    supervisor: Supervisor | None = None,
) -> Collector:
    """The collector. Raises ConfigError for unknown languages and unusable callback settings."""
    delays = outside.schedule.delays_seconds
    wanted = declaration.create_topology(config.offered_languages(), delays)
    supervisor, tracer = supervisor or Supervisor(), tracers.create(config, NAME)
    publisher = Publisher(config, NAME, wanted, tracer)
    parts = _Parts(config, outside, wanted, supervisor, publisher, tracer)
    consumer, ingest = _create_ingest(parts)
    callbacks, callback_sweep = _create_callbacks(parts)
    pipelines = (ingest, callbacks)
    beside = (
        _create_reconciler(parts),
        _create_retention(parts),
        callback_sweep,
        *_create_gauges(parts),
    )
    database_answers = engines.create_probe(config.database_url, NAME)
    ops = OpsServer(
        stalled=supervisor.stalled,
        ready=lambda: {"database": database_answers(), "message broker": consumer.connected},
        metrics=metrics.COLLECTOR,
        port=ops_port,
    )
    return Collector(supervisor, publisher, pipelines, beside, ops, stop, tracer)


def _create_ingest(parts: _Parts) -> tuple[Consumer, Pipeline]:
    inbox, queues = Inbox(), (topology.RESULTS_QUEUE, topology.DEAD_QUEUE)
    on_delivery = counted(queues, inbox.put)
    consumer = Consumer(parts.config, NAME, queues, PREFETCH, parts.wanted, on_delivery)
    writer = Writer(inbox, _create_batch_writer(parts).write, consumer)
    workers = (Loop("writer", writer.run, writer.wake),)
    return consumer, Pipeline(consumer.loop(parts.is_drained(workers)), workers)


def _create_batch_writer(parts: _Parts) -> BatchWriter:
    clock, completions = SystemClock(), parts.completions()

    def on_stored(stored: Stored) -> None:
        if stored.ended is not None:
            completions.publish(stored.ended, stored.traceparent)
        report(stored, clock)

    engine, config = parts.engine(NAME, WRITER_CONNECTIONS), parts.config
    find_loops: FindLoops = find_no_loops
    if config.loop_guard is LoopGuard.WARN:
        load_grammars(config.offered_languages())
        find_loops = LoopChecker(engine, clock).check
    return BatchWriter(Store(engine, clock), on_stored, parts.tracer, clock, find_loops)


def _create_reconciler(parts: _Parts) -> Loop:
    config, languages = parts.config, parts.config.offered_languages()
    after = config.reconcile_after_seconds
    engine = parts.engine(UPKEEP_NAME, 1, autocommit=False)
    reconciler = Reconciler(
        QueueInspector(parts.counter(UPKEEP_NAME), languages),
        IdleLanguages(SystemClock(), after),
        Reconciliation(engine, timedelta(seconds=after), languages),
        parts.publisher,
        parts.completions(),
        parts.tracer,
    )
    return every(config.reconcile_every_seconds, "reconciler", reconciler.turn)


def _create_retention(parts: _Parts) -> Loop:
    engine = parts.engine(UPKEEP_NAME, 1, autocommit=False)
    keep = timedelta(days=parts.config.retention_days)
    retention = Retention(engine, SystemClock(), keep)
    return every(RETENTION_EVERY_SECONDS, "retention", retention.turn)


def _create_gauges(parts: _Parts) -> tuple[Loop, ...]:
    build_info.announce(NAME, Path(__file__).parent)
    languages = parts.config.offered_languages()
    instrumentation.prepare(languages)
    queues = topology.queues(languages, parts.outside.schedule.delays_seconds)
    ages = AgeGauges(parts.engine(GAUGES_NAME, 1), languages)
    depths = QueueGauges(parts.counter(GAUGES_NAME), queues)
    return (
        every(queue_depth.EVERY_SECONDS, "queue-gauges", depths.turn),
        every(queue_age.EVERY_SECONDS, "age-gauges", ages.turn),
    )


def _create_callbacks(parts: _Parts) -> tuple[Pipeline, Loop]:
    """The pipeline that sends and the loop that sweeps.

    Also without receivers: runs that were accepted before may still have callbacks.
    """
    allowed, outside, schedule = (
        parts.config.callback_receivers(),
        parts.outside,
        parts.outside.schedule,
    )
    store = CallbackStore(parts.engine(CALLBACKS_NAME, CALLBACK_CONNECTIONS), SystemClock())
    post, signer = HttpPost(outside.tls()), Signer(parts.config.callback_secret)
    sender = Sender(allowed, ReceiverResolver(outside.resolve), post, signer)
    handler = CallbackHandler(store, sender, parts.publisher, schedule, parts.tracer)
    sweep = Sweep(store, parts.counter(CALLBACKS_NAME), parts.publisher, schedule)
    turns = every(schedule.sweep_seconds, "callback-sweep", lambda _stop: sweep.turn())
    return _create_callback_pipeline(parts, handler, WORKERS if allowed else 1), turns


def _create_callback_pipeline(parts: _Parts, handler: CallbackHandler, count: int) -> Pipeline:
    deliveries: Queue[Delivery] = Queue()
    queues = (topology.CALLBACKS_QUEUE,)
    on_delivery = counted(queues, deliveries.put)
    consumer = Consumer(parts.config, CALLBACKS_NAME, queues, WORKERS, parts.wanted, on_delivery)
    workers = CallbackWorkers(consumer, deliveries, handler.handle, count)
    return Pipeline(workers.consumer_loop(), workers.worker_loops())
