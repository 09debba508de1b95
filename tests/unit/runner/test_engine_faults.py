"""An engine that dies while programs run: the platform's fault, never the program's."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future

import pytest

from runlet.execution import Reason
from runlet.languages import PYTHON, Language
from runlet.limits import Limits
from runner.containers.container import Container
from runner.containers.engine import Engine
from runner.containers.pool import PoolSize, WarmPool
from runner.instrumentation import PoolMeter
from runner.sandbox.cancellation_token import StopRequest
from runner.sandbox.docker_sandbox import DockerSandbox, SandboxSettings
from runner.sandbox.interface import Program, SandboxUnavailableError, StreamName
from runner.sandbox.protocol import Cause
from support.clocks import ManualClock
from support.sandboxes.agents import PlayedAgent
from support.sandboxes.sandboxes import ignored, unheard

PROGRAM = Program(PYTHON, (), b"", (), Limits(20_000, 256, 4096))


class FakeEngine(Engine):
    """Gives out containers played by `agents`, and is away once `died` is called."""

    def __init__(self, agents: list[PlayedAgent]) -> None:
        self._agents = iter(agents)
        self._is_away = False
        self.removed: list[str] = []

    def died(self) -> None:
        self._is_away = True

    def answers(self) -> bool:
        return not self._is_away

    def start_container(self, language: Language) -> Container:
        if self._is_away:
            raise SandboxUnavailableError("The container engine failed: away.")
        return next(self._agents).container

    def limit_memory(self, container: Container, memory_mb: int) -> None:
        container.memory_mb = memory_mb

    def ran_out_of_memory(self, container: Container) -> bool:
        return False

    def remove(self, name: str) -> None:
        self.removed.append(name)


def sandbox_on(engine: FakeEngine) -> DockerSandbox:
    start, remove = engine.start_container, engine.remove
    pool = WarmPool([], PoolSize(0, 0), 1, start, remove, ManualClock(), PoolMeter())
    return DockerSandbox(engine, pool, SandboxSettings(1, 256))


def dies(engine: FakeEngine, agent: PlayedAgent) -> Callable[[], None]:
    def die() -> None:
        engine.died()
        agent.hang_up()

    return die


def test_an_engine_that_dies_in_the_middle_of_a_run_is_not_the_programs_fault() -> None:
    agent = PlayedAgent()
    engine = FakeEngine([agent])
    agent.print(b"so far")

    with pytest.raises(SandboxUnavailableError):
        sandbox_on(engine).run(PROGRAM, dies(engine, agent), ignored, unheard, StopRequest())


def test_a_run_begins_anew_when_only_its_container_went_away() -> None:
    first, second = PlayedAgent(), PlayedAgent()
    second.print(b"42\n")
    second.report(Cause.EXITED)
    second.done()
    starts: Iterator[Callable[[], None]] = iter([first.hang_up, lambda: None])

    outcome = sandbox_on(FakeEngine([first, second])).run(
        PROGRAM, lambda: next(starts)(), ignored, unheard, StopRequest()
    )

    assert (outcome.reason, outcome.result.stdout) == (None, "42\n")


def test_a_run_that_was_heard_does_not_begin_anew_in_the_same_attempt() -> None:
    agent, spare = PlayedAgent(), PlayedAgent()
    agent.print(b"begun at 12:00\n")
    heard: list[str] = []

    def hear_and_die(_stream: StreamName, _offset: int, text: str) -> "Future[None]":
        heard.append(text)
        agent.hang_up()
        return Future()

    with pytest.raises(SandboxUnavailableError):
        sandbox_on(FakeEngine([agent, spare])).run(
            PROGRAM, ignored, ignored, hear_and_die, StopRequest()
        )

    assert heard == ["begun at 12:00\n"]
    assert spare.heard() == []


def test_a_run_that_was_cancelled_does_not_begin_anew() -> None:
    agent, stop = PlayedAgent(), StopRequest()

    def cancel_and_die() -> None:
        stop.ask()
        agent.hang_up()

    outcome = sandbox_on(FakeEngine([agent])).run(PROGRAM, cancel_and_die, ignored, unheard, stop)

    assert outcome.reason is Reason.CANCELLED


def test_removing_a_frozen_container_does_not_hold_up_the_result() -> None:
    may_remove = threading.Event()

    class SlowEngine(FakeEngine):
        def remove(self, name: str) -> None:
            assert may_remove.wait(60)
            super().remove(name)

    engine = SlowEngine([PlayedAgent()])
    sandbox = sandbox_on(engine)
    limits = Limits(100, 256, 4096)
    frozen = Program(PYTHON, (), b"", (), limits)

    outcome = sandbox.run(frozen, ignored, ignored, unheard, StopRequest())

    assert outcome.reason is Reason.TIME_LIMIT
    assert engine.removed == []
    may_remove.set()


def test_a_runner_without_an_engine_says_so_in_a_sentence_and_ends_with_1() -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "AMQP_URL": "amqp://guest:guest@127.0.0.1:1/",
        "DOCKER_HOST": "unix:///nowhere/docker.sock",
    }

    ended = subprocess.run(
        [sys.executable, "-m", "runner"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )

    assert ended.returncode == 1
    assert "container engine" in ended.stderr
    assert "DOCKER_HOST" in ended.stderr
    assert "Traceback" not in ended.stderr
