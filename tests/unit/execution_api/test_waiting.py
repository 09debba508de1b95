from collections.abc import Callable
from itertools import islice, pairwise

import pytest

from execution_api import waiting
from execution_api.waiting import Waiters, wait_until

LONG = 30.0


@pytest.fixture(autouse=True)
def _no_looking_by_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "RE_READ_SECONDS", 3600.0)
    monkeypatch.setattr(waiting, "DEAF_RE_READ_SECONDS", 3600.0)


class Execution:
    """Is read as the given statuses, one after the other; a step is taken after each read."""

    def __init__(self, *statuses: str, after_read: Callable[[], None] = lambda: None) -> None:
        self._statuses = list(statuses)
        self._after_read = after_read
        self.reads = 0

    def read(self) -> str:
        """The next status; the last one stays."""
        status = self._statuses[min(self.reads, len(self._statuses) - 1)]
        self.reads += 1
        self._after_read()
        return status


def is_over(status: str) -> bool:
    """Whether waiting has an end."""
    return status == "COMPLETED"


def wait(execution: Execution, waiters: Waiters, seconds: float = LONG) -> str:
    """Wait for the execution `x`."""
    return wait_until(is_over, execution.read, waiters, "x", seconds)


def test_what_is_over_is_read_once() -> None:
    execution = Execution("COMPLETED")
    assert wait(execution, Waiters()) == "COMPLETED"
    assert execution.reads == 1


def test_no_time_means_one_look() -> None:
    execution = Execution("RUNNING")
    assert wait(execution, Waiters(), 0) == "RUNNING"
    assert execution.reads == 1


def test_an_announced_end_wakes_the_waiter() -> None:
    waiters = Waiters()
    execution = Execution("RUNNING", "COMPLETED", after_read=lambda: waiters.announce_end("x"))
    assert wait(execution, waiters) == "COMPLETED"


def test_after_an_announced_end_it_is_read_until_it_is_stored() -> None:
    waiters = Waiters()
    execution = Execution(
        "RUNNING", "RUNNING", "RUNNING", "COMPLETED", after_read=lambda: waiters.announce_end("x")
    )
    assert wait(execution, waiters) == "COMPLETED"
    assert execution.reads == 4


def test_an_end_that_was_announced_before_is_not_waited_for() -> None:
    waiters = Waiters()
    waiters.announce_end("x")
    assert wait(Execution("RUNNING", "COMPLETED"), waiters) == "COMPLETED"


def test_a_gap_makes_everybody_look() -> None:
    waiters = Waiters()
    execution = Execution("RUNNING", "COMPLETED", after_read=waiters.announce_gap)
    assert wait(execution, waiters) == "COMPLETED"


def test_the_end_of_another_execution_wakes_nobody() -> None:
    waiters = Waiters()
    execution = Execution("RUNNING", after_read=lambda: waiters.announce_end("y"))
    assert wait(execution, waiters, 0.01) == "RUNNING"
    assert execution.reads == 2


def test_who_hears_nothing_looks_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "DEAF_RE_READ_SECONDS", 0.001)
    assert wait(Execution("QUEUED", "RUNNING", "COMPLETED"), Waiters()) == "COMPLETED"


def test_pauses_grow_up_to_a_bound() -> None:
    pauses = list(islice(waiting.pauses(), 30))
    assert pauses[0] == 0.002
    assert all(later > earlier for earlier, later in pairwise(pauses[:10]))
    assert pauses[-1] == 0.1


def test_only_so_many_ends_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "REMEMBERED_ENDS", 2)
    waiters = Waiters()
    for execution_id in ("x", "y", "z"):
        waiters.announce_end(execution_id)
    with waiters.bell("x") as forgotten, waiters.bell("z") as remembered:
        assert (forgotten.ended, remembered.ended) == (False, True)
