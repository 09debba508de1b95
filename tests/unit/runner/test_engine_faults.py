"""An engine that dies while programs run: the platform's fault, never the program's."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future

import pytest

from runlet.execution import Reason
from runlet.languages import PYTHON, C, Language
from runlet.limits import Limits
from runner.containers.container import Container
from runner.containers.engine import Engine, EngineRefusedError
from runner.containers.engine_probe import EngineProbe
from runner.containers.pool import PoolSize, WarmPool
from runner.instrumentation import PoolMeter
from runner.sandbox.cancellation_token import CancellationToken
from runner.sandbox.docker_sandbox import DockerSandbox, SandboxSettings
from runner.sandbox.interface import Placement, Program, SandboxUnavailableError, StreamName
from runner.sandbox.protocol import Cause
from support.clocks import ManualClock
from support.sandboxes.agents import PlayedAgent
from support.sandboxes.observers import Observer

PROGRAM = Program(PYTHON, (), b"", (), Limits(20_000, 256, 4096))
# Its compiler gets the 256 MiB that the played container has.
COMPILED = Program(C, (), b"", (), Limits(20_000, 64, 4096))


class FakeEngine(Engine):
    """Gives out containers played by `agents`, and is away once `died` is called."""

    def __init__(self, agents: list[PlayedAgent]) -> None:
        self._agents = iter(agents)
        self._is_away = False
        self.before_run: Callable[[], None] = lambda: None
        self.refuses_limits = False
        self.saw_memory_limit = False
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
        self.before_run()
        if container.memory_mb != memory_mb and self.refuses_limits:
            raise EngineRefusedError("The container engine failed: it refuses.")

    def ran_out_of_memory(self, container: Container) -> bool:
        return self.saw_memory_limit

    def remove(self, name: str) -> bool:
        self.removed.append(name)
        return True


def sandbox_on(engine: FakeEngine) -> DockerSandbox:
    start, remove = engine.start_container, engine.remove
    pool = WarmPool([], PoolSize(0, 0), 1, start, remove, ManualClock(), PoolMeter())
    settings = SandboxSettings(1, 256)
    return DockerSandbox(engine, EngineProbe(engine.answers), pool, settings, ManualClock())


def test_an_engine_that_dies_in_the_middle_of_a_run_is_not_the_programs_fault() -> None:
    agent = PlayedAgent()
    engine = FakeEngine([agent])
    agent.print(b"so far")

    def die() -> None:
        engine.died()
        agent.hang_up()

    engine.before_run = die

    with pytest.raises(SandboxUnavailableError):
        sandbox_on(engine).run(PROGRAM, Observer(), CancellationToken())


def test_a_run_begins_anew_when_only_its_container_went_away() -> None:
    first, second = PlayedAgent(), PlayedAgent()
    second.print(b"42\n")
    second.report(Cause.EXITED)
    second.done()
    starts: Iterator[Callable[[], None]] = iter([first.hang_up, lambda: None])
    engine = FakeEngine([first, second])
    engine.before_run = lambda: next(starts)()

    outcome = sandbox_on(engine).run(PROGRAM, Observer(), CancellationToken())

    assert (outcome.reason, outcome.result.stdout) == (None, "42\n")


def test_a_run_does_not_begin_anew_on_an_engine_that_does_not_answer() -> None:
    first, second = PlayedAgent(), PlayedAgent()
    engine = FakeEngine([first, second])

    def hang_up_and_die() -> None:
        first.hang_up()
        engine.died()

    engine.before_run = hang_up_and_die

    with pytest.raises(SandboxUnavailableError):
        sandbox_on(engine).run(PROGRAM, Observer(), CancellationToken())

    assert second.heard() == []


def test_a_run_whose_output_was_published_does_not_begin_anew_in_the_same_attempt() -> None:
    agent, spare = PlayedAgent(), PlayedAgent()
    agent.print(b"begun at 12:00\n")
    published: list[str] = []

    def publish_and_die(_stream: StreamName, _offset: int, text: str) -> "Future[None]":
        published.append(text)
        agent.hang_up()
        return Future()

    with pytest.raises(SandboxUnavailableError):
        sandbox_on(FakeEngine([agent, spare])).run(
            PROGRAM, Observer(publish_and_die), CancellationToken()
        )

    assert published == ["begun at 12:00\n"]
    assert spare.heard() == []


def test_a_run_that_was_cancelled_does_not_begin_anew() -> None:
    agent, token = PlayedAgent(), CancellationToken()
    engine = FakeEngine([agent])

    def cancel_and_die() -> None:
        token.cancel()
        agent.hang_up()

    engine.before_run = cancel_and_die

    outcome = sandbox_on(engine).run(PROGRAM, Observer(), token)

    assert outcome.reason is Reason.CANCELLED


def test_removing_a_frozen_container_does_not_hold_up_the_next_attempt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("runner.sandbox.job.GRACE_SECONDS", 0)
    engine = FakeEngine([PlayedAgent(), PlayedAgent()])
    sandbox = sandbox_on(engine)
    frozen = Program(PYTHON, (), b"", (), Limits(100, 256, 4096))

    with pytest.raises(SandboxUnavailableError, match="did not report in time"):
        sandbox.run(frozen, Observer(), CancellationToken())

    assert engine.removed == []


def compiled(agent: PlayedAgent, used_mb: int) -> None:
    """Have the agent report a compiler that ended well and left memory in use."""
    agent.report_memory(used_bytes=used_mb << 20)
    agent.report(Cause.EXITED)


def test_a_run_has_no_room_when_by_the_kernels_count_its_limit_is_in_use_already() -> None:
    agent = PlayedAgent()
    engine = FakeEngine([agent])
    engine.refuses_limits = True
    compiled(agent, used_mb=65)

    outcome = sandbox_on(engine).run(COMPILED, Observer(), CancellationToken())

    assert outcome.reason is Reason.MEMORY_LIMIT


def test_an_engine_that_refuses_a_limit_for_another_reason_is_the_platforms_fault() -> None:
    agents = [PlayedAgent(), PlayedAgent()]
    engine = FakeEngine(agents)
    engine.refuses_limits = True
    for agent in agents:
        compiled(agent, used_mb=12)

    with pytest.raises(SandboxUnavailableError, match="refuses"):
        sandbox_on(engine).run(COMPILED, Observer(), CancellationToken())


def killed_for_memory(agent: PlayedAgent, limit_hits: int | None) -> None:
    """Have the agent report that the kernel killed the program."""
    agent.report_memory(limit_hits)
    agent.report(Cause.EXITED, signal=9, oom_kills=1)
    agent.done()


@pytest.mark.parametrize(
    ("limit_hits", "engine_saw_it"), [(1, False), (None, True)], ids=["cgroup v2", "cgroup v1"]
)
def test_a_kill_at_the_containers_limit_is_the_programs_doing(
    limit_hits: int | None, engine_saw_it: bool
) -> None:
    agent = PlayedAgent()
    engine = FakeEngine([agent])
    engine.saw_memory_limit = engine_saw_it
    killed_for_memory(agent, limit_hits)

    outcome = sandbox_on(engine).run(PROGRAM, Observer(), CancellationToken())

    assert outcome.reason is Reason.MEMORY_LIMIT


@pytest.mark.parametrize(
    ("limit_hits", "engine_saw_it"), [(0, True), (None, False)], ids=["cgroup v2", "cgroup v1"]
)
def test_a_kill_within_the_containers_limit_is_tried_again_and_the_platforms_fault(
    limit_hits: int | None, engine_saw_it: bool
) -> None:
    agents = [PlayedAgent(), PlayedAgent()]
    engine = FakeEngine(agents)
    engine.saw_memory_limit = engine_saw_it
    for agent in agents:
        killed_for_memory(agent, limit_hits)

    with pytest.raises(SandboxUnavailableError, match="host ran out of memory"):
        sandbox_on(engine).run(PROGRAM, Observer(), CancellationToken())


def test_an_outcome_says_where_the_program_ran() -> None:
    agent = PlayedAgent()
    agent.report(Cause.EXITED)
    agent.done()

    outcome = sandbox_on(FakeEngine([agent])).run(PROGRAM, Observer(), CancellationToken())

    assert outcome.placement == Placement(ManualClock().now(), "played", PYTHON.image)


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
