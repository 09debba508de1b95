"""A discrete-event simulation of Runlet: callers, queues, cores and slots, in simpy.

Work takes turns on the cores of its machine in slices, as under the kernel's scheduler. One run
passes: accepting (gateway, both APIs), a slot of a runner, the sandbox, storing and answering. The
rest of its work (events, acknowledgements, housekeeping) uses the cores beside it and keeps nobody
waiting. The only thing fitted is how much of the work is beside: the measured latency of a single
caller decides that. Everything else is predicted.
"""

import random
import statistics
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import simpy

from benchmarks.capacity.measurements import Measurements

SLICE_MS = 1.0
# How unequal the work of equal calls is: the standard deviation to the mean.
VARIATION = 0.25
ACCEPTING = ("gateway", "session-api", "execution-api", "load generator")
RUNNING = ("engine, sandboxes, runs", "runner")

Process = Generator[Any, Any, None]


@dataclass(frozen=True)
class Work:
    """CPU milliseconds of one run, in the order in which they are spent; `beside` delays nobody."""

    accepting: float
    running: float
    storing: float
    beside: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.accepting + self.running + self.storing + self.beside


@dataclass(frozen=True)
class Curve:
    """What came out for a number of callers: runs a second and milliseconds."""

    callers: int
    per_second: float
    p50_ms: float
    p95_ms: float


def work_of(measured: Measurements) -> Work:
    """The work of one run, the sum as measured, its path as long as a lone caller waited."""
    cpu = measured.execution.cpu_ms
    accepting = sum(cpu.get(part, 0.0) for part in ACCEPTING)
    running = sum(cpu.get(part, 0.0) for part in RUNNING)
    rest = sum(cpu.values()) - accepting - running
    alone = min(measured.curve, key=lambda point: point.callers)
    on_path = min(1.0, alone.p50_ms / sum(cpu.values()))
    path = Work(accepting * on_path, running * on_path, rest * on_path, 0.0)
    return Work(path.accepting, path.running, path.storing, sum(cpu.values()) - path.total)


class Machine:
    """Cores that everything shares, and slots of the runner."""

    def __init__(self, cores: int, slots: int, seed: int = 1) -> None:
        self.env = simpy.Environment()
        self._cores = simpy.Resource(self.env, cores)
        self._slots = simpy.Resource(self.env, slots)
        self._random = random.Random(seed)

    def compute(self, ms: float) -> Process:
        """Spend about `ms` of CPU, a slice at a time, so that others get their turns between."""
        left = ms * self._random.gammavariate(VARIATION**-2, VARIATION**2)
        while left > 0:
            turn = min(left, SLICE_MS)
            with self._cores.request() as core:
                yield core
                yield self.env.timeout(turn)
            left -= turn

    def run(self, work: Work) -> Process:
        """One run, from the request to the answer."""
        yield from self.compute(work.accepting)
        with self._slots.request() as slot:
            yield slot
            self.env.process(self.compute(work.beside))
            yield from self.compute(work.running)
        yield from self.compute(work.storing)

    def random_pause(self, mean_ms: float) -> float:
        """How long somebody does nothing, who comes at random moments."""
        return self._random.expovariate(1 / mean_ms)


def closed_loop(machine: Machine, work: Work, callers: int, runs_each: int) -> Curve:
    """Callers who ask again as soon as they have their answer."""
    waited: list[float] = []

    def caller() -> Process:
        for _ in range(runs_each):
            asked = machine.env.now
            yield from machine.run(work)
            waited.append(machine.env.now - asked)

    for _ in range(callers):
        machine.env.process(caller())
    machine.env.run()
    return _curve(callers, waited, machine.env.now)


@dataclass(frozen=True)
class Learner:
    """What a learner who is at work does: seconds between saves and between runs, on average."""

    seconds_between_saves: float
    seconds_between_runs: float


def crowd(
    machine: Machine, work: Work, save_ms: float, learner: Learner, learners: int, seconds: float
) -> Curve:
    """Learners who type and run at moments of their own; the curve is that of their runs."""
    waited: list[float] = []

    def arrivals(each_seconds: float, handle: Any) -> Process:
        while True:
            yield machine.env.timeout(machine.random_pause(1000 * each_seconds / learners))
            machine.env.process(handle())

    def save() -> Process:
        yield from machine.compute(save_ms)

    def run() -> Process:
        asked = machine.env.now
        yield from machine.run(work)
        waited.append(machine.env.now - asked)

    machine.env.process(arrivals(learner.seconds_between_saves, save))
    machine.env.process(arrivals(learner.seconds_between_runs, run))
    machine.env.run(until=1000 * seconds)
    return _curve(learners, waited, machine.env.now)


def _curve(callers: int, waited: list[float], ms: float) -> Curve:
    hundredths = statistics.quantiles(waited, n=100)
    return Curve(callers, 1000 * len(waited) / ms, hundredths[49], hundredths[94])
