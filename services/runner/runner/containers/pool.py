"""Warm containers: up before the code arrives, as many as recent demand asks for."""

import math
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import structlog

from runlet.backoff import Stop
from runlet.clock import Clock
from runlet.languages import Language
from runlet_telemetry import tracing
from runlet_telemetry.supervision import Loop
from runner.containers.container import Container
from runner.containers.pool_observer import PoolCounts, PoolObserver, Retirement
from runner.containers.start_backoff import StartBackoff
from runner.sandbox.interface import SandboxUnavailableError
from runner.work_queue import WorkQueue

log = structlog.get_logger()

DEMAND_WINDOW_SECONDS = 10.0
# About the time a busy engine needs for one container, doubled.
REFILL_SECONDS = 0.5
STARTERS = 2
MAINTENANCE_SECONDS = 1.0
# Creating, attaching to, starting and removing a container, each within the engine's time-out.
LONGEST_START_SECONDS = 120.0


@dataclass(frozen=True)
class PoolSize:
    """How many idle containers of one language to keep, at least and at most."""

    floor: int
    ceiling: int

    def wanted(self, takes_per_second: float) -> int:
        """Enough for what is taken while a replacement starts."""
        needed = math.ceil(takes_per_second * REFILL_SECONDS)
        return max(self.floor, min(self.ceiling, needed))


class _Take(NamedTuple):
    """When a container was taken, and how many idle ones were left then."""

    at: float
    left: int


class WarmPool:
    """Keeps idle containers for each language; safe for several threads.

    A container that is acquired belongs to its user until it is released, discarded or killed.
    `loops` fill the pool in the background, and remove what was killed: all of it, before they end.
    """

    def __init__(
        self,
        languages: Iterable[Language],
        size: PoolSize,
        runs_per_container: int,
        start: Callable[[Language], Container],
        remove: Callable[[str], object],
        clock: Clock,
        observer: PoolObserver,
    ) -> None:
        self._languages = tuple(languages)
        self._size = size
        self._runs_per_container = runs_per_container
        self._start = start
        self._clock = clock
        self._observer = observer
        self._lock = threading.Lock()
        self._idle: dict[str, deque[Container]] = defaultdict(deque)
        self._starting: dict[str, int] = defaultdict(int)
        self._taken: dict[str, int] = defaultdict(int)
        self._takes: dict[str, deque[_Take]] = defaultdict(deque)
        self._backoffs: dict[str, StartBackoff] = defaultdict(lambda: StartBackoff(clock))
        self._starts = WorkQueue(self._start_one)
        self._removals = WorkQueue(remove)
        self._closed = False

    def loops(self) -> tuple[Loop, ...]:
        """What fills and cleans the pool."""
        starters = (
            Loop(
                f"container-starter-{number}",
                self._starts.run,
                self._starts.wake,
                LONGEST_START_SECONDS,
            )
            for number in range(1, STARTERS + 1)
        )
        return (
            Loop("pool", self._keep_maintaining),
            *starters,
            Loop("container-remover", self._removals.run_and_drain, self._removals.wake),
        )

    def close(self) -> None:
        """Hang up on everything idle; for when the loops have ended."""
        with self._lock:
            self._closed = True
        self._starts.discard()
        with self._lock:
            idle = [container for containers in self._idle.values() for container in containers]
            self._idle.clear()
        for container in idle:
            container.close()

    def acquire(self, language: Language) -> Container:
        """A container for one run; starts one at once when none is idle.

        Raises SandboxUnavailableError when that fails.
        """
        with self._lock:
            container = self._pop_idle(language)
            left = len(self._idle[language.id])
            self._takes[language.id].append(_Take(self._clock.monotonic(), left))
        self._refill(language)
        self._observer.acquired(language.id, warm=container is not None)
        tracing.note({"runlet.pool.warm": container is not None})
        if container is None:
            container = self._start(language)
        container.runs += 1
        with self._lock:
            self._taken[language.id] += 1
        return container

    def release(self, container: Container) -> None:
        """Return a container that is scrubbed; one that has had its runs is discarded."""
        with self._lock:
            reusable = container.runs < self._runs_per_container and not self._closed
            if reusable:
                # Last in, first out: the warmest caches serve next.
                self._idle[container.language.id].appendleft(container)
                self._taken[container.language.id] -= 1
        if reusable:
            self._observer.reused(container.language.id)
        else:
            self._retire(container, Retirement.WORN_OUT)

    def discard(self, container: Container) -> None:
        """Hang up on a container that was not scrubbed, which ends and removes itself."""
        has_runs_left = container.runs < self._runs_per_container
        self._retire(container, Retirement.UNFIT if has_runs_left else Retirement.WORN_OUT)

    def kill(self, container: Container) -> None:
        """Discard a container that may not end by itself, and have it removed in the background.

        Not to be called once the loops are to end.
        """
        self._retire(container, Retirement.OVERDUE)
        self._removals.put(container.name)

    def count(self, language_id: str) -> PoolCounts:
        """How many containers of a language there are."""
        with self._lock:
            idle, starting = len(self._idle[language_id]), self._starting[language_id]
            return PoolCounts(idle, starting, self._taken[language_id])

    def maintain(self) -> None:
        """Drop what has ended, start what is wanted, close what is not."""
        for language in self._languages:
            self._drop_ended(language)
            self._refill(language)
            self._shrink(language)

    def _retire(self, container: Container, why: Retirement) -> None:
        container.close()
        with self._lock:
            self._taken[container.language.id] -= 1
        self._observer.retired(container.language.id, why)
        self._refill(container.language)

    def _close(self, idle: Iterable[Container], why: Retirement) -> None:
        for container in idle:
            container.close()
            self._observer.retired(container.language.id, why)

    def _keep_maintaining(self, stop: Stop) -> None:
        while not stop.is_set():
            self.maintain()
            stop.wait(MAINTENANCE_SECONDS)

    def _pop_idle(self, language: Language) -> Container | None:
        """An idle container that is up; those of an engine that died are not. Needs the lock."""
        idle = self._idle[language.id]
        while idle:
            container = idle.popleft()
            if container.is_up():
                return container
            self._close([container], Retirement.GONE)
        return None

    def _drop_ended(self, language: Language) -> None:
        with self._lock:
            idle = self._idle[language.id]
            ended = [container for container in idle if not container.is_up()]
            for container in ended:
                idle.remove(container)
        self._close(ended, Retirement.GONE)

    def _recent_takes(self, language: Language) -> deque[_Take]:
        takes = self._takes[language.id]
        while takes and takes[0].at < self._clock.monotonic() - DEMAND_WINDOW_SECONDS:
            takes.popleft()
        return takes

    def _wanted(self, language: Language) -> int:
        taken = len(self._recent_takes(language))
        return self._size.wanted(taken / DEMAND_WINDOW_SECONDS / self._runs_per_container)

    def _refill(self, language: Language) -> None:
        with self._lock:
            present = len(self._idle[language.id]) + self._starting[language.id]
            may_start = not self._closed and self._backoffs[language.id].allows_start()
            missing = max(0, self._wanted(language) - present) if may_start else 0
            self._starting[language.id] += missing
            for _ in range(missing):
                self._starts.put(language)

    def _start_one(self, language: Language) -> None:
        started: list[Container] = []
        try:
            started.append(self._start(language))
            self._backoffs[language.id].note_success()
        except SandboxUnavailableError as error:
            self._backoffs[language.id].note_failure()
            log.warning("container_start_failed", language=language.id, error=str(error))
        except Exception:
            self._backoffs[language.id].note_failure()
            raise
        finally:
            with self._lock:
                self._starting[language.id] -= 1
                self._idle[language.id].extend(started)

    def _shrink(self, language: Language) -> None:
        """Close what was idle for the whole window; what is idle between two runs is in use."""
        with self._lock:
            idle = self._idle[language.id]
            unused = min([len(idle), *(take.left for take in self._recent_takes(language))])
            surplus = [idle.pop() for _ in range(unused - self._wanted(language))]
        self._close(surplus, Retirement.SURPLUS)
