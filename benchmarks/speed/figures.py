"""Latencies and throughput of one way to run programs."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from statistics import fmean, harmonic_mean
from time import perf_counter


@dataclass(frozen=True)
class Figures:
    """Latencies in ms of one caller, runs a second of several callers, CPU seconds by part."""

    name: str
    latencies_ms: tuple[float, ...]
    per_second: float
    cpu_seconds: dict[str, float] = field(default_factory=dict)

    def percentile(self, percent: int) -> float:
        """The latency that `percent` of the runs stay below, in ms."""
        ordered = sorted(self.latencies_ms)
        return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def of_turns(turns: Sequence[Figures]) -> Figures:
    """One way that was measured in several turns of as many runs each."""
    parts = {part for turn in turns for part in turn.cpu_seconds}
    return Figures(
        turns[0].name,
        tuple(each for turn in turns for each in turn.latencies_ms),
        harmonic_mean([turn.per_second for turn in turns]),
        {part: fmean(turn.cpu_seconds.get(part, 0.0) for turn in turns) for part in parts},
    )


def latencies(run: Callable[[], object], runs: int) -> tuple[float, ...]:
    """Milliseconds of each of `runs` calls, one after the other."""
    measured = []
    for _ in range(runs):
        started = perf_counter()
        run()
        measured.append((perf_counter() - started) * 1000)
    return tuple(measured)


def throughput(callers: list[Callable[[], object]], runs_each: int) -> float:
    """Calls a second when all callers call at once, each `runs_each` times."""

    def call_on(caller: Callable[[], object]) -> None:
        for _ in range(runs_each):
            caller()

    started = perf_counter()
    with ThreadPoolExecutor(len(callers)) as threads:
        list(threads.map(call_on, callers))
    return len(callers) * runs_each / (perf_counter() - started)
