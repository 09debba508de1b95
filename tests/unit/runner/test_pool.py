import socket
import threading
from collections.abc import Iterator

import pytest

from runlet.backoff import LONGEST_DELAY_SECONDS
from runlet.languages import PYTHON, Language
from runlet_telemetry.supervision import Loop
from runner.containers.container import Container
from runner.containers.pool import DEMAND_WINDOW_SECONDS, PoolSize, WarmPool
from runner.instrumentation import PoolMeter
from runner.sandbox.interface import SandboxUnavailableError
from support.clocks import ManualClock
from support.loops import supervised
from support.wait_until import eventually


class Starter:
    """Starts containers that are nothing but one end of a socket pair."""

    def __init__(self) -> None:
        self.started: list[Container] = []
        self.engine_ends: list[socket.socket] = []
        self.tries = 0
        self.fails = False

    def __call__(self, language: Language) -> Container:
        self.tries += 1
        if self.fails:
            raise SandboxUnavailableError("The container engine failed: away.")
        ours, theirs = socket.socketpair()
        self.engine_ends.append(theirs)
        container = Container(str(len(self.started)), language, 256, ours)
        self.started.append(container)
        return container

    def die(self) -> None:
        """As an engine that is killed, with all streams it carried."""
        for end in self.engine_ends:
            end.close()
        self.engine_ends.clear()


@pytest.fixture
def starter() -> Starter:
    return Starter()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def pool(starter: Starter, clock: ManualClock) -> Iterator[WarmPool]:
    pool = WarmPool([PYTHON], PoolSize(0, 4), 2, starter, lambda _: None, clock, PoolMeter())
    with supervised(*filling(pool)):
        yield pool
    pool.close()


def filling(pool: WarmPool) -> list[Loop]:
    """The loops of a pool but the one that looks at the clock."""
    return [loop for loop in pool.loops() if loop.name != "pool"]


def test_a_container_is_started_on_the_spot_when_none_is_idle(
    pool: WarmPool, starter: Starter
) -> None:
    taken = pool.acquire(PYTHON)

    assert taken in starter.started
    assert taken.runs == 1


def test_a_container_serves_again_until_it_has_had_its_runs(pool: WarmPool) -> None:
    first = pool.acquire(PYTHON)
    pool.release(first)
    second = pool.acquire(PYTHON)
    pool.release(second)
    third = pool.acquire(PYTHON)

    assert second is first
    assert third is not first


def test_a_container_thrown_away_is_hung_up_on(pool: WarmPool) -> None:
    taken = pool.acquire(PYTHON)

    pool.discard(taken)

    with pytest.raises(SandboxUnavailableError):
        taken.send(b"anything")


def test_containers_of_an_engine_that_died_are_not_handed_out(
    pool: WarmPool, starter: Starter
) -> None:
    idle = [pool.acquire(PYTHON) for _ in range(3)]
    for container in idle:
        pool.release(container)
    starter.die()

    taken = pool.acquire(PYTHON)

    assert taken not in idle
    assert taken.is_up()


def test_containers_that_may_not_end_by_themselves_are_removed_before_the_loops_end(
    starter: Starter, clock: ManualClock
) -> None:
    removed: list[str] = []
    goes_on = threading.Event()

    def remove(name: str) -> None:
        assert goes_on.wait(60)
        removed.append(name)

    pool = WarmPool([PYTHON], PoolSize(0, 4), 2, starter, remove, clock, PoolMeter())
    with supervised(*filling(pool)) as supervisor:
        frozen = [pool.acquire(PYTHON), pool.acquire(PYTHON)]
        for container in frozen:
            pool.kill(container)
        supervisor.ask_to_stop("container-remover")
        goes_on.set()
    pool.close()

    assert removed == [container.name for container in frozen]
    assert all(container.closed for container in frozen)


def test_filling_pauses_when_the_engine_is_away_and_goes_on_when_it_is_back(
    starter: Starter, clock: ManualClock
) -> None:
    pool = WarmPool([PYTHON], PoolSize(1, 1), 1, starter, lambda _: None, clock, PoolMeter())
    with supervised(*filling(pool)):
        starter.fails = True
        for _ in range(20):
            with pytest.raises(SandboxUnavailableError):
                pool.acquire(PYTHON)
        eventually(lambda: starter.tries == 21)

        starter.fails = False
        taken: list[Container] = []

        def one_is_idle() -> bool:
            if len(starter.started) > len(taken):
                return True
            # Again and again: the last failure may begin its delay after the clock was moved.
            clock.move(LONGEST_DELAY_SECONDS)
            taken.append(pool.acquire(PYTHON))
            return False

        eventually(one_is_idle)
    pool.close()


def test_a_defect_in_a_start_delays_the_next_and_ends_no_filling(
    starter: Starter, clock: ManualClock
) -> None:
    failing = threading.Event()

    def start(language: Language) -> Container:
        if not failing.is_set():
            failing.set()
            raise KeyError("a defect")
        return starter(language)

    pool = WarmPool([PYTHON], PoolSize(1, 1), 1, start, lambda _: None, clock, PoolMeter())
    with supervised(*filling(pool)):
        pool.maintain()
        assert failing.wait(10)
        eventually(lambda: pool.count("python").starting == 0)
        pool.maintain()
        assert starter.tries == 0

        clock.move(LONGEST_DELAY_SECONDS)
        pool.maintain()
        eventually(lambda: pool.count("python").idle == 1)
    pool.close()


def test_an_engine_that_is_away_is_a_fault_of_the_platform(
    pool: WarmPool, starter: Starter
) -> None:
    starter.fails = True

    with pytest.raises(SandboxUnavailableError):
        pool.acquire(PYTHON)


@pytest.mark.parametrize(
    ("takes_per_second", "wanted"), [(0, 1), (1, 1), (3, 2), (7, 4), (1000, 6)]
)
def test_the_pool_follows_demand_between_floor_and_ceiling(
    takes_per_second: float, wanted: int
) -> None:
    assert PoolSize(floor=1, ceiling=6).wanted(takes_per_second) == wanted


def test_what_is_idle_only_between_two_runs_is_kept(starter: Starter, clock: ManualClock) -> None:
    pool = WarmPool([PYTHON], PoolSize(0, 0), 100, starter, lambda _: None, clock, PoolMeter())
    for _ in range(5):
        for container in [pool.acquire(PYTHON) for _ in range(3)]:
            pool.release(container)
        pool.maintain()
        clock.move(DEMAND_WINDOW_SECONDS / 2)

    assert pool.count(PYTHON.id).idle == len(starter.started) == 3

    clock.move(DEMAND_WINDOW_SECONDS)
    pool.maintain()

    assert pool.count(PYTHON.id).idle == 0
    assert all(container.closed for container in starter.started)


def test_what_is_not_needed_while_others_are_used_is_parted_with(
    starter: Starter, clock: ManualClock
) -> None:
    pool = WarmPool([PYTHON], PoolSize(0, 0), 100, starter, lambda _: None, clock, PoolMeter())
    for container in [pool.acquire(PYTHON) for _ in range(3)]:
        pool.release(container)
    clock.move(DEMAND_WINDOW_SECONDS + 1)
    used = pool.acquire(PYTHON)

    pool.maintain()

    assert pool.count(PYTHON.id).idle == 0
    assert [container for container in starter.started if not container.closed] == [used]
