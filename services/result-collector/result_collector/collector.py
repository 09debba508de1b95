"""The collector's loops, and the order in which they start and stop."""

from dataclasses import dataclass

from runlet.lifecycle import StopSignal
from runlet_amqp.publisher import Publisher
from runlet_telemetry.ops_server import OpsServer
from runlet_telemetry.supervision import Loop, Supervisor
from runlet_telemetry.tracing import Tracer

PUBLISHER_HEAD_START_SECONDS = 2
# Longer than the longest step of a loop, a callback that is being sent.
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
        self._stop_pipelines()
        self.supervisor.stop(*(loop.name for loop in self.beside), timeout=STOP_SECONDS)
        # Last: what was committed is still to be published.
        self.supervisor.stop(publisher.name, timeout=STOP_SECONDS)
        self.supervisor.stop_all()
        self.tracer.close()
        return not self.supervisor.has_given_up

    def _stop_pipelines(self) -> None:
        """First no more deliveries, then what is in hand is finished, and acknowledged."""
        consumers = tuple(each.consumer.name for each in self.pipelines)
        workers = tuple(name for each in self.pipelines for name in each.worker_names)
        self.supervisor.ask_to_stop(*consumers)
        self.supervisor.stop(*workers, timeout=STOP_SECONDS)
        self.supervisor.stop(*consumers, timeout=STOP_SECONDS)
