from collections.abc import Callable
from uuid import uuid4

from execution_api.waiting import Row, Waiters, wait_until

LONG = 30.0
X, Y = uuid4(), uuid4()
ENDED = {"status": "COMPLETED", "stdout": "as it was told"}


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
    """Wait for the execution X."""
    return wait_until(is_over, execution.read, waiters, X, seconds)


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
    execution = Execution("RUNNING", after_read=lambda: waiters.announce_end(X, ENDED))
    assert wait(execution, waiters) == ENDED
    assert execution.reads == 1


def test_everybody_who_waits_is_answered() -> None:
    waiters = Waiters()
    with waiters.bell(X) as first, waiters.bell(X) as second:
        waiters.announce_end(X, ENDED)
        assert (first.ended, second.ended) == (ENDED, ENDED)


def test_unheard_news_makes_a_waiter_look() -> None:
    waiters = Waiters()
    execution = Execution("RUNNING", "COMPLETED", after_read=lambda: waiters.announce_news(X))
    assert wait(execution, waiters)["status"] == "COMPLETED"


def test_the_end_of_another_execution_wakes_nobody() -> None:
    waiters = Waiters()
    execution = Execution("RUNNING", after_read=lambda: waiters.announce_end(Y, ENDED))
    assert wait(execution, waiters, 0.01)["status"] == "RUNNING"
    assert execution.reads == 2


def test_nobody_is_remembered_who_waits_no_more() -> None:
    waiters = Waiters()
    with waiters.bell(X):
        assert waiters.is_awaited(X)
    assert not waiters.is_awaited(X)
