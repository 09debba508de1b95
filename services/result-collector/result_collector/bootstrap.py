"""Puts the collector together: the only place that builds what it talks to."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from queue import Queue

from result_collector.config import Config
from result_collector.reports import report
from result_collector.store import Store
from result_collector.writer import Write, Writer
from runlet import postgres
from runlet.broker import topology
from runlet.broker.consumer import Consumer, Delivery
from runlet.clock import SystemClock
from runlet.lifecycle import StopSignal
from runlet.ops_server import OPS_PORT, OpsServer

NAME = "result-collector"
DATABASE_CONNECTIONS = 1

# Enough for the next batch to be here while one is written; results may be megabytes each.
PREFETCH = 50


@dataclass(frozen=True)
class Collector:
    """The collector's two threads, joined by a queue."""

    consumer: Consumer
    writer: Writer
    ops: OpsServer
    stop: StopSignal

    def run(self) -> bool:
        """Collect until stopped; False when it stopped because writing failed."""
        self.writer.start()
        try:
            self.consumer.run(self.stop, is_drained=lambda: not self.writer.alive)
        finally:
            self.stop.set()
            self.writer.join()
        return not self.writer.failed


def create_collector(config: Config, stop: StopSignal, ops_port: int = OPS_PORT) -> Collector:
    """The collector. Raises ConfigError when `config.languages` names an unknown language."""
    deliveries: Queue[Delivery] = Queue()
    consumer = Consumer(
        config.amqp_url,
        NAME,
        queues=(topology.RESULTS_QUEUE, topology.DEAD_QUEUE),
        prefetch=PREFETCH,
        declare=partial(topology.declare, languages=config.offered_languages()),
        on_delivery=deliveries.put,
    )
    writer = Writer(deliveries, _create_write(config), consumer.settle, stop)
    database_answers = postgres.create_probe(config.database_url, NAME)
    ops = OpsServer(
        healthy=lambda: writer.alive,
        ready=lambda: {"database": database_answers(), "message broker": consumer.connected},
        port=ops_port,
    )
    return Collector(consumer, writer, ops, stop)


def _create_write(config: Config) -> Write:
    clock = SystemClock()
    engine = postgres.create_engine(
        config.database_url, NAME, DATABASE_CONNECTIONS, autocommit=False
    )
    store = Store(engine, clock)

    def write(batch: Sequence[Delivery]) -> None:
        for stored in store.apply(batch):
            report(stored, clock)

    return write
