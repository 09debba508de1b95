"""The collector's loops: they go on after a failure, and it shows when they do not."""

from collections.abc import Callable

import pytest
from sqlalchemy.exc import OperationalError

from result_collector.periodic import Periodic
from result_collector.pulse import LONGEST_TURN_SECONDS, Pulse, Pulses
from runlet.lifecycle import StopSignal
from runlet_amqp.errors import BrokerUnavailableError
from support.clocks import ManualClock


class Turns:
    """Notes turns and has the loop stopped after `most` of them."""

    def __init__(self, stop: StopSignal, most: int, act: Callable[[], None]) -> None:
        self._stop = stop
        self._most = most
        self._act = act
        self.count = 0

    def __call__(self) -> None:
        """One turn."""
        self.count += 1
        if self.count == self._most:
            self._stop.set()
        self._act()


def run(most: int, act: Callable[[], None]) -> int:
    """How many turns a loop has taken when it ended."""
    stop = StopSignal()
    turns = Turns(stop, most, act)
    loop = Periodic("work", 0, turns, stop)
    loop.start()
    loop.join()
    return turns.count


def test_work_comes_round_until_the_stop() -> None:
    assert run(3, lambda: None) == 3


@pytest.mark.parametrize(
    "error",
    [OperationalError("SELECT", None, Exception("away")), BrokerUnavailableError("away")],
    ids=str,
)
def test_a_server_that_is_away_is_no_reason_to_end(error: Exception) -> None:
    def fail() -> None:
        raise error

    assert run(3, fail) == 3


def test_a_loop_that_waits_stops_at_once() -> None:
    stop = StopSignal()
    loop = Periodic("work", 3600, stop.set, stop)
    loop.start()
    loop.join()


def test_a_pulse_beats_while_its_loop_looks_for_the_stop() -> None:
    clock = ManualClock()
    pulse = Pulse(StopSignal(), clock)
    for _ in range(3):
        clock.move(LONGEST_TURN_SECONDS - 1)
        assert pulse.beating
        pulse.is_set()
    clock.move(LONGEST_TURN_SECONDS + 1)
    assert not pulse.beating
    pulse.wait(0)
    assert pulse.beating


def test_a_loop_with_long_pauses_has_more_time() -> None:
    clock = ManualClock()
    pulse = Pulse(StopSignal(), clock, pause_seconds=3600)
    clock.move(3600 + LONGEST_TURN_SECONDS - 1)
    assert pulse.beating
    clock.move(2)
    assert not pulse.beating


def test_one_loop_that_hangs_is_enough_to_be_ill() -> None:
    clock = ManualClock()
    pulses = Pulses(StopSignal(), clock)
    first, _second = pulses.add(), pulses.add()
    clock.move(LONGEST_TURN_SECONDS + 1)
    first.is_set()
    assert not pulses.beat()


def test_pulses_of_one_process_stop_together() -> None:
    stop = StopSignal()
    pulses = Pulses(stop, ManualClock())
    first, second = pulses.add(), pulses.add()
    first.set()
    assert second.is_set()
    assert stop.is_set()
