"""What the runner's metrics are fed with, around parts that know nothing of them."""

import time
from collections.abc import Callable, Iterable

from runlet.languages import Language
from runlet_telemetry.metrics import (
    CONTAINER_RETIREMENTS,
    CONTAINER_SCRUBS,
    CONTAINER_START_FAILURES,
    CONTAINER_START_SECONDS,
    POOL_CONTAINERS,
    POOL_TAKES,
    RUN_QUEUE_SECONDS,
    RUN_RETRIES,
    RUN_SECONDS,
    SLOTS,
)
from runner.containers.container import Container
from runner.containers.pool import WarmPool
from runner.containers.pool_observer import PoolCounts, Retirement

WARM, COLD = "warm", "cold"
_STATES: dict[str, Callable[[PoolCounts], int]] = {
    "idle": lambda counts: counts.idle,
    "starting": lambda counts: counts.starting,
    "taken": lambda counts: counts.taken,
}

Start = Callable[[Language], Container]


def prepare(slots: int, language_ids: Iterable[str]) -> None:
    """Begin with all series at 0: one that appears with its first event shows no increase."""
    SLOTS.set(slots)
    by_language = (
        RUN_QUEUE_SECONDS,
        RUN_SECONDS,
        RUN_RETRIES,
        CONTAINER_START_SECONDS,
        CONTAINER_START_FAILURES,
        CONTAINER_SCRUBS,
    )
    for language_id in language_ids:
        for metric in by_language:
            metric.labels(language_id)
        for outcome in (WARM, COLD):
            POOL_TAKES.labels(language_id, outcome)
        for why in Retirement:
            CONTAINER_RETIREMENTS.labels(language_id, why)


def timed(start: Start) -> Start:
    """Start containers as `start` does, and measure it."""

    def start_and_measure(language: Language) -> Container:
        began = time.perf_counter()
        try:
            container = start(language)
        except BaseException:
            CONTAINER_START_FAILURES.labels(language.id).inc()
            raise
        CONTAINER_START_SECONDS.labels(language.id).observe(time.perf_counter() - began)
        return container

    return start_and_measure


class PoolMeter:
    """Counts what becomes of containers; see runner.containers.pool_observer.PoolObserver."""

    def acquired(self, language_id: str, warm: bool) -> None:
        """Count a warm hit or a miss."""
        POOL_TAKES.labels(language_id, WARM if warm else COLD).inc()

    def reused(self, language_id: str) -> None:
        """Count a scrub."""
        CONTAINER_SCRUBS.labels(language_id).inc()

    def retired(self, language_id: str, why: Retirement) -> None:
        """Count a retirement."""
        CONTAINER_RETIREMENTS.labels(language_id, why).inc()


def watch_size(pool: WarmPool, language_ids: Iterable[str]) -> None:
    """Read the size of the pool whenever the metric is read."""
    for language_id in language_ids:
        for state, look in _STATES.items():
            POOL_CONTAINERS.labels(language_id, state).set_function(_sized(pool, language_id, look))


def _sized(
    pool: WarmPool, language_id: str, look: Callable[[PoolCounts], int]
) -> Callable[[], float]:
    return lambda: look(pool.count(language_id))
