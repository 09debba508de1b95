from collections.abc import Callable

import pytest

from execution_api import waiting
from execution_api.waiting import Row, Waiters, wait_until

LONG = 30.0
ENDED = {"status": "COMPLETED", "stdout": "as it was told"}


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

    def read(self) -> Row:
        """The next status; the last one stays."""
        status = self._statuses[min(self.reads, len(self._statuses) - 1)]
        self.reads += 1
        self._after_read()
        return {"status": status}


def is_over(row: Row) -> bool:
    """Whether waiting has an end."""
    return bool(row["status"] == "COMPLETED")


def wait(execution: Execution, waiters: Waiters, seconds: float = LONG) -> Row:
    """Wait for the execution `x`."""
    return wait_until(is_over, execution.read, waiters, "x", seconds)


def test_what_is_over_is_read_once() -> None:
    execution = Execution("COMPLETED")
    assert wait(execution, Waiters())["status"] == "COMPLETED"
    assert execution.reads == 1


def test_no_time_means_one_look() -> None:
    execution = Execution("RUNNING")
    assert wait(execution, Waiters(), 0)["status"] == "RUNNING"
    assert execution.reads == 1


def test_an_end_that_is_told_is_the_answer_without_another_read() -> None:
    waiters = Waiters()
    execution = Execution("RUNNING", after_read=lambda: waiters.announce_end("x", ENDED))
    assert wait(execution, waiters) == ENDED
    assert execution.reads == 1


def test_everybody_who_waits_is_answered() -> None:
    waiters = Waiters()
    with waiters.bell("x") as first, waiters.bell("x") as second:
        waiters.announce_end("x", ENDED)
        assert (first.ended, second.ended) == (ENDED, ENDED)


def test_a_gap_makes_everybody_look() -> None:
    waiters = Waiters()
    execution = Execution("RUNNING", "COMPLETED", after_read=waiters.announce_gap)
    assert wait(execution, waiters)["status"] == "COMPLETED"


def test_the_end_of_another_execution_wakes_nobody() -> None:
    waiters = Waiters()
    execution = Execution("RUNNING", after_read=lambda: waiters.announce_end("y", ENDED))
    assert wait(execution, waiters, 0.01)["status"] == "RUNNING"
    assert execution.reads == 2


def test_who_hears_nothing_looks_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "DEAF_RE_READ_SECONDS", 0.001)
    assert wait(Execution("QUEUED", "RUNNING", "COMPLETED"), Waiters())["status"] == "COMPLETED"


def test_nobody_is_remembered_who_waits_no_more() -> None:
    waiters = Waiters()
    with waiters.bell("x"):
        assert waiters.is_awaited("x")
    assert not waiters.is_awaited("x")
