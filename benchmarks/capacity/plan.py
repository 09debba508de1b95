"""How many of what a number of learners needs, and which part is full first."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.capacity.measurements import Measurements
from benchmarks.capacity.simulation import Learner

# Of those who are at work at one moment: a save in every five seconds, a run in every two minutes,
# and a page that is opened anew looks once at its last result.
LEARNER = Learner(seconds_between_saves=5, seconds_between_runs=120)
POLLS_PER_RUN = 1
# Cores are planned to be busy this far; above, the simulated waiting times rise steeply.
BUSY_AT_MOST = 0.6
# Run code for the learners' own programs costs more than print(1): seconds of CPU are a guess until
# a deployment has measured its own, see `runlet_run_seconds`.
PROGRAM_CPU_MS = 100.0
# What a core and a gigabyte of memory cost a month, in US dollars, at a large cloud's list prices
# for general machines; a guess to be replaced by one's own.
CORE_PRICE, MEMORY_GB_PRICE, DISK_GB_PRICE = 25.0, 3.3, 0.10

# Which parts of the system a service's work belongs to.
PLACES: Mapping[str, str] = {
    "gateway": "APIs",
    "session-api": "APIs",
    "execution-api": "APIs",
    "execution-relay": "APIs",
    "postgres": "PostgreSQL",
    "rabbitmq": "RabbitMQ",
    "result-collector": "collectors",
    "runner": "runner hosts",
    "engine, sandboxes, runs": "runner hosts",
}
# What one machine of each place carries before something other than cores is full; what then
# helps. None where machines are simply added.
SINGLE_WRITER_CORES: Mapping[str, int | None] = {
    "APIs": None,
    "PostgreSQL": 32,
    "RabbitMQ": 16,
    "collectors": None,
    "runner hosts": None,
}


@dataclass(frozen=True)
class Need:
    """Cores that one place keeps busy, and cores to have there."""

    place: str
    busy: float
    cores: int
    machines_of_writers: int


@dataclass(frozen=True)
class Plan:
    """What a number of learners at work at the same moment takes."""

    learners: int
    runs_per_second: float
    saves_per_second: float
    needs: tuple[Need, ...]
    fits_one_machine: bool
    gigabytes_a_day: float
    dollars_a_month: float

    @property
    def fullest(self) -> Need:
        """The place that first needs more than one machine's cores, or has most to do."""
        return max(self.needs, key=lambda need: (need.machines_of_writers, need.busy))


def plan(measured: Measurements, learners: int, learner: Learner = LEARNER) -> Plan:
    """The needs of `learners` who are all at work."""
    saves = learners / learner.seconds_between_saves
    runs = learners / learner.seconds_between_runs
    busy = dict.fromkeys(SINGLE_WRITER_CORES, 0.0)
    for cost, rate in (
        (measured.execution, runs),
        (measured.autosave, saves),
        (measured.poll, runs * POLLS_PER_RUN),
    ):
        for part, ms in cost.cpu_ms.items():
            if place := PLACES.get(part):
                busy[place] += rate * ms / 1000
    busy["runner hosts"] += runs * PROGRAM_CPU_MS / 1000
    needs = tuple(_need(place, cores) for place, cores in busy.items())
    fits = sum(busy.values()) <= measured.cores * BUSY_AT_MOST
    kept = runs * measured.execution.wal_bytes + saves * measured.autosave.wal_bytes
    gigabytes = kept * 86_400 / 1e9
    cores = measured.cores if fits else sum(need.cores for need in needs)
    return Plan(learners, runs, saves, needs, fits, gigabytes, _dollars(cores, gigabytes))


def _need(place: str, busy: float) -> Need:
    cores = max(1, math.ceil(busy / BUSY_AT_MOST))
    writer = SINGLE_WRITER_CORES[place]
    return Need(place, busy, cores, math.ceil(cores / writer) if writer else 1)


def _dollars(cores: int, gigabytes_a_day: float) -> float:
    # Two gigabytes of memory to a core, and a week of the database's log on disk.
    return cores * (CORE_PRICE + 2 * MEMORY_GB_PRICE) + 7 * gigabytes_a_day * DISK_GB_PRICE
