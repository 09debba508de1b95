import threading
from collections.abc import Callable
from typing import Any

import pytest

from runlet_telemetry.supervision import MAX_SILENCE_SECONDS, Loop, LoopContext
from runner.containers.engine import ENGINE_SECONDS, OWNER_LABEL, Engine
from runner.containers.reaper import Reaper
from runner.sandbox.interface import SandboxUnavailableError
from support.loops import supervised


class ListedEngine(Engine):
    """An engine that knows some sandboxes and which of their owners run."""

    def __init__(self, owners: list[str], running: set[str]) -> None:
        self.owners = owners
        self.running = running
        self.removed: list[str] = []
        self.away = False
        self.stalls = False
        self.was_listed = threading.Event()
        self.own: set[str] = set()
        self.state = "running"

    def sandboxes(self) -> list[dict[str, Any]]:
        self.was_listed.set()
        if self.away:
            raise SandboxUnavailableError("The container engine failed: away.")
        return [
            {"Names": [f"/of-{owner}"], "Labels": {OWNER_LABEL: owner}, "State": self.state}
            for owner in self.owners
        ]

    def is_running(self, runner: str) -> bool:
        return runner in self.running

    def attached(self) -> set[str]:
        return self.own

    def remove(self, name: str) -> bool:
        self.removed.append(name)
        return not self.stalls

    def answers(self) -> bool:
        return not self.stalls


class SlowEngine(ListedEngine):
    """An engine whose every answer is a step: `on_answer` is called before it is given."""

    def __init__(self, owners: list[str], on_answer: Callable[[], None]) -> None:
        super().__init__(owners, running=set())
        self._on_answer = on_answer

    def is_running(self, runner: str) -> bool:
        self._on_answer()
        return super().is_running(runner)

    def remove(self, name: str) -> bool:
        self._on_answer()
        return super().remove(name)


@pytest.fixture
def context() -> LoopContext:
    return LoopContext(MAX_SILENCE_SECONDS)


def swept(engine: ListedEngine) -> list[str]:
    with supervised(Loop("reaper", Reaper(engine, "me").run)):
        assert engine.was_listed.wait(10)
    return engine.removed


@pytest.mark.parametrize(
    ("owners", "running", "removed"),
    [
        (["dead"], set(), ["of-dead"]),
        (["alive"], {"alive"}, []),
        (["me"], {"me"}, ["of-me"]),
        (["host:laptop:17"], set(), []),
    ],
    ids=["dead runner", "living runner", "earlier life of this runner", "process on a host"],
)
def test_only_what_no_living_runner_owns_is_removed(
    owners: list[str], running: set[str], removed: list[str]
) -> None:
    assert swept(ListedEngine(owners, running)) == removed


def test_an_own_sandbox_that_nobody_holds_is_removed_when_it_is_seen_again(
    context: LoopContext,
) -> None:
    engine = ListedEngine(["me"], running={"me"})
    reaper = Reaper(engine, "me")

    reaper.sweep(context)
    assert engine.removed == []
    reaper.sweep(context)
    assert engine.removed == ["of-me"]


def test_a_sandbox_that_nobody_starts_is_removed_when_it_is_seen_again(
    context: LoopContext,
) -> None:
    engine = ListedEngine(["host:laptop:17"], running=set())
    engine.state = "created"
    reaper = Reaper(engine, "me")

    reaper.sweep(context, strays_at_once=True)
    assert engine.removed == []
    reaper.sweep(context)
    assert engine.removed == ["of-host:laptop:17"]


def test_a_sandbox_that_was_started_meanwhile_stays(context: LoopContext) -> None:
    engine = ListedEngine(["host:laptop:17"], running=set())
    engine.state = "created"
    reaper = Reaper(engine, "me")

    reaper.sweep(context)
    engine.state = "running"
    reaper.sweep(context)

    assert engine.removed == []


def test_an_own_sandbox_that_is_in_use_stays(context: LoopContext) -> None:
    engine = ListedEngine(["me"], running={"me"})
    engine.own = {"of-me"}
    reaper = Reaper(engine, "me")

    reaper.sweep(context)
    reaper.sweep(context)

    assert engine.removed == []


def test_an_engine_that_stalls_is_not_waited_for_once_for_each_sandbox(
    context: LoopContext,
) -> None:
    engine = ListedEngine(["dead", "gone"], set())
    engine.stalls = True

    Reaper(engine, "me").sweep(context)

    assert engine.removed == ["of-dead"]


def test_an_engine_that_is_away_is_looked_at_again_later() -> None:
    engine = ListedEngine(["dead"], set())
    engine.away = True

    assert swept(engine) == []


def test_the_loop_turns_however_many_orphans_a_slow_engine_has(context: LoopContext) -> None:
    silences: list[float] = []

    def answer() -> None:
        context.silence_seconds += ENGINE_SECONDS
        silences.append(context.silence_seconds)

    engine = SlowEngine([f"dead-{number}" for number in range(7)], answer)

    Reaper(engine, "me").sweep(context)

    assert len(engine.removed) == 7
    assert max(silences) <= ENGINE_SECONDS


@pytest.mark.parametrize(
    ("answers", "removed"), [(2, 0), (8, 1)], ids=["while owners are looked at", "while removing"]
)
def test_a_sweep_ends_when_the_loop_is_to_end(
    context: LoopContext, answers: int, removed: int
) -> None:
    given: list[None] = []

    def answer() -> None:
        given.append(None)
        if len(given) == answers:
            context.set()

    engine = SlowEngine([f"dead-{number}" for number in range(7)], answer)

    Reaper(engine, "me").sweep(context)

    assert (len(given), len(engine.removed)) == (answers, removed)
