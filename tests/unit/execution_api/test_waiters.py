import threading
from collections.abc import Callable
from uuid import uuid4

import pytest

from execution_api.executions.waiters import MAX_PENDING, Row, WaiterRegistry, wait_until
from support.wait_until import eventually

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


def wait(execution: Execution, waiters: WaiterRegistry, seconds: float = LONG) -> Row:
    """Wait for the execution X."""
    return wait_until(is_over, execution.read, waiters, X, seconds)


def test_what_is_over_is_read_once() -> None:
    execution = Execution("COMPLETED")
    assert wait(execution, WaiterRegistry())["status"] == "COMPLETED"
    assert execution.reads == 1


def test_no_time_means_one_look() -> None:
    execution = Execution("RUNNING")
    assert wait(execution, WaiterRegistry(), 0)["status"] == "RUNNING"
    assert execution.reads == 1


def test_an_end_that_is_told_is_the_answer_without_another_read() -> None:
    waiters = WaiterRegistry()
    execution = Execution("RUNNING", after_read=lambda: waiters.notify_finished(X, ENDED))
    assert wait(execution, waiters) == ENDED
    assert execution.reads == 1


def test_everybody_who_waits_is_answered() -> None:
    waiters = WaiterRegistry()
    with waiters.waiting_for(X) as first, waiters.waiting_for(X) as second:
        waiters.notify_finished(X, ENDED)
        assert (first.ended, second.ended) == (ENDED, ENDED)


def test_unheard_news_makes_a_waiter_look() -> None:
    waiters = WaiterRegistry()
    execution = Execution("RUNNING", "COMPLETED", after_read=lambda: waiters.notify_stale(X))
    assert wait(execution, waiters)["status"] == "COMPLETED"


def test_the_end_of_another_execution_wakes_nobody() -> None:
    waiters = WaiterRegistry()
    execution = Execution("RUNNING", after_read=lambda: waiters.notify_finished(Y, ENDED))
    assert wait(execution, waiters, 0.01)["status"] == "RUNNING"
    assert execution.reads == 2


def test_nobody_is_remembered_who_waits_no_more() -> None:
    waiters = WaiterRegistry()
    with waiters.waiting_for(X):
        assert waiters.has_waiters(X)
    assert not waiters.has_waiters(X)


def listening() -> WaiterRegistry:
    """WaiterRegistry who receive of ends."""
    waiters = WaiterRegistry()
    waiters.listening = True
    return waiters


def test_what_was_accepted_here_is_waited_for_without_a_read() -> None:
    waiters, execution = listening(), Execution("QUEUED")
    waiters.mark_pending(X)
    teller = threading.Thread(target=eventually_tell, args=(waiters,))
    teller.start()
    assert wait(execution, waiters) == ENDED
    teller.join()
    assert execution.reads == 0


def eventually_tell(waiters: WaiterRegistry) -> None:
    """Tell the end of X as soon as somebody waits for it."""
    eventually(lambda: waiters.has_waiters(X))
    waiters.clear_pending(X)
    waiters.notify_finished(X, ENDED)


def test_an_end_that_was_told_before_anybody_waited_is_read() -> None:
    waiters = listening()
    # Only who reads before waiting gets this answer.
    execution = Execution("RUNNING", after_read=lambda: waiters.notify_finished(X, ENDED))
    waiters.mark_pending(X)
    waiters.clear_pending(X)
    assert wait(execution, waiters) == ENDED
    assert execution.reads == 1


def test_what_is_expected_is_read_when_the_time_is_over() -> None:
    waiters, execution = listening(), Execution("QUEUED")
    waiters.mark_pending(X)
    assert [wait(execution, waiters, seconds)["status"] for seconds in (0, 0.01)] == ["QUEUED"] * 2


def test_nothing_is_expected_while_ends_are_not_heard_of() -> None:
    waiters = listening()
    waiters.mark_pending(X)
    waiters.listening = False
    waiters.mark_pending(Y)
    assert not waiters.is_pending(X)
    assert not waiters.is_pending(Y)


def test_of_too_many_the_oldest_are_no_longer_expected() -> None:
    waiters = listening()
    many = [uuid4() for _ in range(MAX_PENDING + 1)]
    for each in many:
        waiters.mark_pending(each)
    assert not waiters.is_pending(many[0])
    assert waiters.is_pending(many[1])


def test_what_the_poller_found_over_is_no_longer_pending() -> None:
    waiters = listening()
    waiters.mark_pending(X)
    waiters.notify_stale(X)
    assert not waiters.is_pending(X)


def test_an_end_that_nobody_tells_is_expected_for_a_moment_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waiters, execution = listening(), Execution("COMPLETED")
    monkeypatch.setattr("execution_api.executions.waiters.PENDING_SECONDS", 0.0)
    waiters.mark_pending(X)
    assert wait(execution, waiters)["status"] == "COMPLETED"
    assert execution.reads == 1
