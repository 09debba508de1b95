"""The collector's loops, and the order in which they start and stop."""

from dataclasses import dataclass
from typing import Protocol

from result_collector.ingest.writer import Writer
from runlet.lifecycle import StopSignal
from runlet_amqp.consumer import Consumer
from runlet_amqp.publisher import Publisher
from runlet_telemetry.ops_server import OpsServer
from runlet_telemetry.supervision import Loop, Supervisor
from runlet_telemetry.tracing import Tracer

PUBLISHER_HEAD_START_SECONDS = 2
WRITER = "writer"
# Longer than a statement that the database does not answer.
STOP_SECONDS = 20.0


class Threads(Protocol):
    """Work on threads of its own, which ends when the collector's stop signal is set."""

    def start(self) -> None:
        """Begin."""
        ...

    def join(self) -> None:
        """Wait until what is in hand is done."""
        ...


@dataclass(frozen=True)
class Collector:
    """The collector's loops; the consumer's and the writer's are joined by an inbox.

    Those `beside` them keep the database in order, and send callbacks.
    """

    supervisor: Supervisor
    consumer: Consumer
    writer: Writer
    beside: tuple[Loop, ...]
    threads: tuple[Threads, ...]
    publisher: Publisher
    ops: OpsServer
    stop: StopSignal
    tracer: Tracer

    def run(self) -> bool:
        """Collect until stopped; False when a loop could not be kept alive."""
        self.publisher.start()
        # An end that is stored before anything can be published makes its waiters wait longer.
        self.publisher.wait_until_connected(PUBLISHER_HEAD_START_SECONDS)
        self.supervisor.start(Loop(WRITER, self.writer.run, self.writer.wake), *self.beside)
        for thread in self.threads:
            thread.start()
        try:
            self.consumer.run(self.stop, is_drained=self._has_written)
        finally:
            self.stop.set()
            for thread in self.threads:
                thread.join()
            self.supervisor.stop_all(STOP_SECONDS)
            # Last: what was committed is still to be published.
            self.publisher.close()
            self.tracer.close()
        return not self.supervisor.has_given_up

    def _has_written(self) -> bool:
        """Called again and again once the consumer takes no more deliveries."""
        self.supervisor.ask_to_stop(WRITER)
        return not self.supervisor.is_running(WRITER)
