"""Loops that take turns: they go on after an outage, and let a defect be seen."""

from collections.abc import Callable

import pytest

from result_collector.turns import every
from runlet.backoff import Stop
from runlet_amqp.errors import BrokerUnavailableError
from runlet_postgres.errors import DatabaseUnavailableError
from runlet_telemetry.supervision import LoopContext


class Turns:
    """Counts turns and has the loop stopped after `most` of them."""

    def __init__(self, context: LoopContext, most: int, act: Callable[[], None]) -> None:
        self._context = context
        self._most = most
        self._act = act
        self.count = 0

    def __call__(self, _stop: Stop) -> None:
        """One turn."""
        self.count += 1
        if self.count == self._most:
            self._context.set()
        self._act()


def run(most: int, act: Callable[[], None], seconds: float = 0) -> int:
    """How many turns a loop has taken when it ended."""
    context = LoopContext(60)
    turns = Turns(context, most, act)
    every(seconds, "work", turns).run(context)
    return turns.count


def test_turns_come_round_until_the_stop() -> None:
    assert run(3, lambda: None) == 3


@pytest.mark.parametrize(
    "error",
    [
        DatabaseUnavailableError("away"),
        BrokerUnavailableError("away"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_server_that_is_away_is_no_reason_to_end(error: Exception) -> None:
    def fail() -> None:
        raise error

    assert run(3, fail) == 3


def test_a_defect_is_left_to_the_supervisor() -> None:
    def fail() -> None:
        raise AttributeError("defect")

    with pytest.raises(AttributeError):
        run(3, fail)


def test_a_loop_of_turns_is_not_vital() -> None:
    loop = every(3600, "work", lambda _stop: None)
    assert not loop.is_vital
    assert loop.period_seconds == 3600


def test_a_loop_that_waits_stops_at_once() -> None:
    assert run(1, lambda: None, seconds=3600) == 1
