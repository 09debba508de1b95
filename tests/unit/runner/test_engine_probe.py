"""Whether runs are started is decided by whether the engine answers."""

import threading

import structlog.testing

from runlet_telemetry.supervision import Loop
from runner.containers.engine_probe import EngineProbe
from support.loops import supervised
from support.wait_until import eventually


class Engine:
    def __init__(self) -> None:
        self.answering = True
        self.questions = 0

    def answers(self) -> bool:
        self.questions += 1
        return self.answering


def test_an_engine_that_answered_last_is_not_waited_for() -> None:
    assert EngineProbe(Engine().answers).wait_until_available(3600)


def test_an_engine_that_does_not_answer_is_waited_for_only_so_long() -> None:
    engine = Engine()
    probe = EngineProbe(engine.answers)
    engine.answering = False

    assert not probe.check()
    assert not probe.wait_until_available(0.01)


def test_waiting_ends_when_the_loop_finds_the_engine_again() -> None:
    engine = Engine()
    probe = EngineProbe(engine.answers)
    engine.answering = False
    probe.check()
    found = threading.Event()

    def wait() -> None:
        if probe.wait_until_available(60):
            found.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    with supervised(Loop("engine-probe", probe.run)):
        eventually(lambda: engine.questions > 1)
        assert not found.is_set()
        engine.answering = True
        waiting.join(60)

    assert found.is_set()


def test_a_runner_that_stops_waits_no_more() -> None:
    engine = Engine()
    probe = EngineProbe(engine.answers)
    engine.answering = False
    probe.check()

    probe.end_waits()

    assert not probe.wait_until_available(3600)


def test_only_a_change_is_logged() -> None:
    engine = Engine()
    probe = EngineProbe(engine.answers)

    with structlog.testing.capture_logs() as logs:
        for answering in (True, False, False, True, True):
            engine.answering = answering
            probe.check()

    assert [entry["event"] for entry in logs] == ["engine_unavailable", "engine_recovered"]
