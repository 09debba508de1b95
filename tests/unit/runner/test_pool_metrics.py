import socket
from collections.abc import Iterator

import pytest

from runlet.languages import PYTHON, Language
from runner import instrumentation
from runner.containers.container import Container
from runner.containers.pool import PoolSize, WarmPool
from runner.containers.pool_observer import PoolCounts, Retirement
from runner.sandbox.interface import SandboxUnavailableError
from support.clocks import ManualClock
from support.telemetry.metrics import rise, value

RUNS_PER_CONTAINER = 2


class Engine:
    """Starts containers that are nothing but one end of a socket pair."""

    def __init__(self) -> None:
        self.fails = False
        self.ends: list[socket.socket] = []

    def start(self, language: Language) -> Container:
        if self.fails:
            raise SandboxUnavailableError("The container engine failed: away.")
        ours, theirs = socket.socketpair()
        self.ends.append(theirs)
        return Container(str(len(self.ends)), language, 256, ours)


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def pool(engine: Engine) -> Iterator[WarmPool]:
    pool = WarmPool(
        [PYTHON],
        PoolSize(0, 0),
        RUNS_PER_CONTAINER,
        instrumentation.timed(engine.start),
        lambda _name: None,
        ManualClock(),
        instrumentation.PoolMeter(),
    )
    yield pool
    pool.close()


def test_a_run_that_waits_for_its_container_is_a_miss_and_one_that_does_not_a_hit(
    pool: WarmPool,
) -> None:
    cold = rise("runlet_pool_takes_total", language="python", outcome="cold")
    warm = rise("runlet_pool_takes_total", language="python", outcome="warm")

    pool.release(pool.acquire(PYTHON))
    assert (cold(), warm()) == (1, 0)

    pool.acquire(PYTHON)
    assert (cold(), warm()) == (1, 1)


def test_a_start_is_counted_with_its_duration_when_the_container_is_up(pool: WarmPool) -> None:
    starts = rise("runlet_container_start_seconds_count", language="python")
    failures = rise("runlet_container_start_failures_total", language="python")

    pool.acquire(PYTHON)

    assert (starts(), failures()) == (1, 0)


def test_a_start_that_fails_is_counted_apart(pool: WarmPool, engine: Engine) -> None:
    starts = rise("runlet_container_start_seconds_count", language="python")
    failures = rise("runlet_container_start_failures_total", language="python")
    engine.fails = True

    with pytest.raises(SandboxUnavailableError):
        pool.acquire(PYTHON)

    assert (starts(), failures()) == (0, 1)
    assert pool.count("python") == PoolCounts(idle=0, starting=0, taken=0)


def test_a_container_is_scrubbed_between_its_runs_and_worn_out_after_the_last(
    pool: WarmPool,
) -> None:
    scrubs = rise("runlet_container_scrubs_total", language="python")
    worn_out = rise("runlet_container_retirements_total", language="python", cause="worn_out")

    pool.release(pool.acquire(PYTHON))
    assert (scrubs(), worn_out()) == (1, 0)

    pool.release(pool.acquire(PYTHON))
    assert (scrubs(), worn_out()) == (1, 1)


def test_a_container_left_in_doubt_is_unfit_and_one_that_does_not_answer_overdue(
    pool: WarmPool,
) -> None:
    unfit = rise("runlet_container_retirements_total", language="python", cause="unfit")
    overdue = rise("runlet_container_retirements_total", language="python", cause="overdue")

    pool.discard(pool.acquire(PYTHON))
    assert (unfit(), overdue()) == (1, 0)

    pool.kill(pool.acquire(PYTHON))
    assert (unfit(), overdue()) == (1, 1)


def test_a_container_that_has_had_its_runs_is_worn_out_whatever_state_it_is_in(
    pool: WarmPool,
) -> None:
    unfit = rise("runlet_container_retirements_total", language="python", cause="unfit")
    worn_out = rise("runlet_container_retirements_total", language="python", cause="worn_out")
    pool.release(pool.acquire(PYTHON))

    pool.discard(pool.acquire(PYTHON))

    assert (unfit(), worn_out()) == (0, 1)


def test_a_container_that_ended_while_it_was_idle_is_gone(pool: WarmPool, engine: Engine) -> None:
    gone = rise("runlet_container_retirements_total", language="python", cause="gone")
    pool.release(pool.acquire(PYTHON))
    for end in engine.ends:
        end.close()

    pool.acquire(PYTHON)

    assert gone() == 1


def test_the_size_of_the_pool_follows_what_is_taken_and_given_back(pool: WarmPool) -> None:
    instrumentation.watch_size(pool, ["python"])

    def sizes() -> list[float | None]:
        return [
            value("runlet_pool_containers", language="python", state=state)
            for state in ("idle", "starting", "taken")
        ]

    assert sizes() == [0, 0, 0]
    taken = pool.acquire(PYTHON)
    assert sizes() == [0, 0, 1]
    pool.release(taken)
    assert sizes() == [1, 0, 0]
    pool.discard(pool.acquire(PYTHON))
    assert sizes() == [0, 0, 0]


def test_all_series_of_a_runner_are_there_before_anything_happens() -> None:
    # A name that no other test of this process has counted anything for.
    language = "unheard of"
    instrumentation.prepare(slots=3, language_ids=[language])

    assert value("runlet_slots") == 3
    assert value("runlet_run_retries_total", language=language) == 0
    assert value("runlet_run_seconds_count", language=language) == 0
    assert value("runlet_pool_takes_total", language=language, outcome="cold") == 0
    for why in Retirement:
        cause = why.value
        assert value("runlet_container_retirements_total", language=language, cause=cause) == 0
