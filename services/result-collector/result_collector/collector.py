"""The collector's loops, and the order in which they start and stop."""

from dataclasses import dataclass

from runlet.lifecycle import StopSignal
from runlet_amqp.publisher import Publisher
from runlet_telemetry.ops_server import OpsServer
from runlet_telemetry.supervision import Loop, Supervisor
from runlet_telemetry.tracing import Tracer

PUBLISHER_HEAD_START_SECONDS = 2
# For all loops. Longer than the longest step of one, a callback that is being sent; shorter than
# the time after which the process is killed.
STOP_SECONDS = 25.0


@dataclass(frozen=True)
class Pipeline:
    """A loop that consumes, and those that work off what it delivers."""

    consumer: Loop
    workers: tuple[Loop, ...]

    @property
    def worker_names(self) -> tuple[str, ...]:
        """By which the supervisor knows the workers."""
        return tuple(worker.name for worker in self.workers)


@dataclass(frozen=True)
class Collector:
    """All that works in this process; those `beside` the pipelines keep the database in order."""

    supervisor: Supervisor
    publisher: Publisher
    pipelines: tuple[Pipeline, ...]
    beside: tuple[Loop, ...]
    ops: OpsServer
    stop: StopSignal
    tracer: Tracer

    def run(self) -> bool:
        """Collect until stopped; False when a loop could not be kept alive."""
        publisher = self.publisher.loop()
        self.supervisor.start(publisher)
        # An end that is stored before anything can be published makes its waiters wait longer.
        self.publisher.wait_until_connected(PUBLISHER_HEAD_START_SECONDS)
        for pipeline in self.pipelines:
            self.supervisor.start(*pipeline.workers, pipeline.consumer)
        self.supervisor.start(*self.beside)
        self.stop.wait()
        self._stop_loops(publisher.name)
        self.tracer.close()
        return not self.supervisor.has_given_up

    def _stop_loops(self, publisher: str) -> None:
        """First no more deliveries, then what is in hand is finished, and acknowledged.

        The publisher is last: what was committed is still to be published.
        """
        consumers = tuple(each.consumer.name for each in self.pipelines)
        workers = tuple(name for each in self.pipelines for name in each.worker_names)
        beside = tuple(loop.name for loop in self.beside)
        self.supervisor.ask_to_stop(*consumers)
        self.supervisor.stop_in_order(
            workers, consumers, beside, (publisher,), timeout=STOP_SECONDS
        )
