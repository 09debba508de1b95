"""The collector's loops, and the order in which they start and stop."""

from collections.abc import Callable
from dataclasses import dataclass

from runlet.lifecycle import StopSignal
from runlet_telemetry.ops_server import OpsServer
from runlet_telemetry.supervision import Loop, Supervisor
from runlet_telemetry.tracing import Tracer

PUBLISHER_HEAD_START_SECONDS = 2
# Longer than the longest step of a loop, a statement that the database does not answer.
STOP_SECONDS = 15.0


@dataclass(frozen=True)
class Collector:
    """All that works in this process; those `beside` keep the database in order."""

    supervisor: Supervisor
    publisher: Loop
    consumer: Loop
    writer: Loop
    callbacks: tuple[Loop, ...]
    beside: tuple[Loop, ...]
    ops: OpsServer
    stop: StopSignal
    tracer: Tracer
    wait_for_publisher: Callable[[float], bool]

    def run(self) -> bool:
        """Collect until stopped; False when a loop could not be kept alive."""
        self.supervisor.start(self.publisher)
        # An end that is stored before anything can be published makes its waiters wait longer.
        self.wait_for_publisher(PUBLISHER_HEAD_START_SECONDS)
        self.supervisor.start(self.writer, self.consumer, *self.callbacks, *self.beside)
        self.stop.wait()
        # First no more deliveries, then what is in hand is finished, and acknowledged.
        self.supervisor.ask_to_stop(self.consumer.name, *_names(self.callbacks))
        self.supervisor.stop(self.writer.name, timeout=STOP_SECONDS)
        self.supervisor.stop(self.consumer.name, *_names(self.callbacks), timeout=STOP_SECONDS)
        self.supervisor.stop(*_names(self.beside), timeout=STOP_SECONDS)
        # Last: what was committed is still to be published.
        self.supervisor.stop(self.publisher.name, timeout=STOP_SECONDS)
        self.supervisor.stop_all()
        self.tracer.close()
        return not self.supervisor.has_given_up


def _names(loops: tuple[Loop, ...]) -> tuple[str, ...]:
    return tuple(loop.name for loop in loops)
