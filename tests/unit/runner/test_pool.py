import socket
from collections.abc import Iterator

import pytest

from runlet.languages import PYTHON, Language
from runner.sandbox.container import Container
from runner.sandbox.interface import SandboxUnavailableError
from runner.sandbox.pool import PoolSize, WarmPool
from support.clocks import ManualClock


class Starter:
    """Starts containers that are nothing but one end of a socket pair."""

    def __init__(self) -> None:
        self.started: list[Container] = []
        self.fails = False

    def __call__(self, language: Language) -> Container:
        if self.fails:
            raise SandboxUnavailableError("The container engine failed: away.")
        ours, _theirs = socket.socketpair()
        container = Container(str(len(self.started)), language, 256, ours)
        self.started.append(container)
        return container


@pytest.fixture
def starter() -> Starter:
    return Starter()


@pytest.fixture
def pool(starter: Starter) -> Iterator[WarmPool]:
    pool = WarmPool([PYTHON], PoolSize(0, 4), 2, starter, ManualClock())
    yield pool
    pool.close()


def test_a_container_is_started_on_the_spot_when_none_is_idle(
    pool: WarmPool, starter: Starter
) -> None:
    taken = pool.take(PYTHON)

    assert taken in starter.started
    assert taken.runs == 1


def test_a_container_serves_again_until_it_has_had_its_runs(pool: WarmPool) -> None:
    first = pool.take(PYTHON)
    pool.give_back(first)
    second = pool.take(PYTHON)
    pool.give_back(second)
    third = pool.take(PYTHON)

    assert second is first
    assert third is not first


def test_a_container_thrown_away_is_hung_up_on(pool: WarmPool) -> None:
    taken = pool.take(PYTHON)

    pool.throw_away(taken)

    with pytest.raises(SandboxUnavailableError):
        taken.send(b"anything")


def test_an_engine_that_is_away_is_a_fault_of_the_platform(
    pool: WarmPool, starter: Starter
) -> None:
    starter.fails = True

    with pytest.raises(SandboxUnavailableError):
        pool.take(PYTHON)


@pytest.mark.parametrize(
    ("takes_per_second", "wanted"), [(0, 1), (1, 1), (3, 2), (7, 4), (1000, 6)]
)
def test_the_pool_follows_demand_between_floor_and_ceiling(
    takes_per_second: float, wanted: int
) -> None:
    assert PoolSize(floor=1, ceiling=6).wanted(takes_per_second) == wanted
