"""The collector's threads, and the order in which they start and stop."""

from dataclasses import dataclass
from typing import Protocol

from result_collector.ingest.writer import Writer
from runlet.lifecycle import StopSignal
from runlet_amqp.consumer import Consumer
from runlet_amqp.publisher import Publisher
from runlet_telemetry.ops_server import OpsServer
from runlet_telemetry.supervision import Supervisor
from runlet_telemetry.tracing import Tracer

PUBLISHER_HEAD_START_SECONDS = 2


class Loop(Protocol):
    """Work on threads of its own, which ends when the collector's stop signal is set."""

    def start(self) -> None:
        """Begin."""
        ...

    def join(self) -> None:
        """Wait until what is in hand is done."""
        ...


@dataclass(frozen=True)
class Collector:
    """The collector's threads; the consumer's and the writer's are joined by a queue.

    Those `beside` them keep the database in order, and send callbacks.
    """

    supervisor: Supervisor
    consumer: Consumer
    writer: Writer
    beside: tuple[Loop, ...]
    publisher: Publisher
    ops: OpsServer
    stop: StopSignal
    tracer: Tracer

    def run(self) -> bool:
        """Collect until stopped; False when it stopped because writing failed."""
        self.supervisor.start(self.publisher.loop())
        # An end that is stored before anything can be told makes its waiters wait longer.
        self.publisher.wait_until_connected(PUBLISHER_HEAD_START_SECONDS)
        threads: tuple[Loop, ...] = (self.writer, *self.beside)
        for thread in threads:
            thread.start()
        self.supervisor.start(self.consumer.loop(is_drained=lambda: not self.writer.alive))
        self.stop.wait()
        self.supervisor.ask_to_stop("consumer")
        for thread in threads:
            thread.join()
        self.supervisor.stop("consumer")
        # Last: what was committed is still to be told.
        self.supervisor.stop("publisher")
        self.supervisor.stop_all()
        self.tracer.close()
        return not self.writer.failed
