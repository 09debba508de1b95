"""A runner ends by itself before whoever stops it ends it by force."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from runlet.lifecycle import StopSignal
from runlet.limits import MAX_TIME_LIMIT_MS
from runlet_telemetry.otel import FLUSH_SECONDS
from runlet_telemetry.supervision import Loop
from runner.bootstrap import Runner
from runner.stop_time import STEP_SECONDS, STOP_SECONDS
from support.clocks import ManualClock

COMPOSE = Path(__file__).parents[3] / "docker-compose.yml"


class TimedSupervisor:
    """Takes for each step all the time it is given where a loop hangs, and none elsewhere."""

    def __init__(self, clock: ManualClock, hanging: set[str]) -> None:
        self._clock = clock
        self._hanging = hanging

    def start(self, *_loops: Loop) -> None:
        """Nothing runs here."""

    def stop(self, *names: str, timeout: float = 10.0) -> bool:
        if self._hanging & set(names):
            self._clock.move(timeout)
        return not self._hanging & set(names)

    def stop_all(self, timeout: float = 10.0) -> bool:
        return self.stop("the rest", timeout=timeout)


def seconds_to_stop(*hanging: str, idle_after: float = 0.0) -> float:
    """How long a runner takes to stop with these loops hanging."""
    clock = ManualClock()

    def loops(*names: str) -> tuple[Loop, ...]:
        return tuple(Loop(name, lambda _context: None) for name in names)

    def wait_until_idle(seconds: float) -> bool:
        clock.move(min(seconds, idle_after))
        return idle_after <= seconds

    parts: dict[str, Any] = {
        "supervisor": TimedSupervisor(clock, set(hanging)),
        "consumer": SimpleNamespace(loop=lambda _is_drained: loops("consumer")[0]),
        "publisher": SimpleNamespace(loop=lambda: loops("publisher")[0]),
        "control": SimpleNamespace(loop=lambda: loops("subscriber")[0]),
        "workers": SimpleNamespace(
            loops=lambda: loops("worker-1"), close=lambda: None, wait_until_idle=wait_until_idle
        ),
        "pool": SimpleNamespace(loops=lambda: loops("container-remover"), close=lambda: None),
        "reaper": SimpleNamespace(run=lambda _stop: None),
        "probe": SimpleNamespace(run=lambda _stop: None, end_waits=lambda: None),
        "engine": None,
        "tracer": SimpleNamespace(close=lambda: clock.move(FLUSH_SECONDS)),
    }
    stop = StopSignal()
    stop.set()
    Runner(**parts, clock=clock).run(stop)
    return clock.monotonic()


@pytest.mark.parametrize(
    "hanging",
    [
        ["consumer", "worker-1", "publisher", "reaper", "the rest"],
        ["worker-1", "subscriber", "publisher", "container-remover", "the rest"],
    ],
    ids=["everything", "all but the consumer"],
)
@pytest.mark.parametrize("idle_after", [0.0, 3600.0], ids=["idle", "busy"])
def test_a_runner_in_which_loops_hang_stops_within_the_grace_period(
    hanging: list[str], idle_after: float
) -> None:
    runner = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]["runner"]
    grace = float(runner["stop_grace_period"].removesuffix("s"))

    assert seconds_to_stop(*hanging, idle_after=idle_after) < grace


def test_the_longest_run_may_end() -> None:
    assert MAX_TIME_LIMIT_MS / 1000 < STOP_SECONDS
    assert seconds_to_stop(idle_after=61.0) == 61.0 + FLUSH_SECONDS


def test_one_loop_that_hangs_holds_nothing_up_for_long() -> None:
    assert seconds_to_stop("publisher") == STEP_SECONDS + FLUSH_SECONDS
