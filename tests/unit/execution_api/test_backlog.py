import pytest

from execution_api.errors import BacklogFullError
from execution_api.runs.backlog import COUNT_IS_GOOD_FOR_SECONDS, Backlog
from support.clocks import ManualClock


class Queue:
    """A number of queued executions that notes how often it is counted."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.counts = 0

    def count(self, at_most: int) -> int:
        """The number, as far as it matters."""
        self.counts += 1
        return min(self.depth, at_most)


def test_below_the_limit_runs_are_welcome() -> None:
    Backlog(Queue(9).count, 10, ManualClock()).check()


def test_at_the_limit_they_are_not_and_it_is_said_when_to_come_back() -> None:
    with pytest.raises(BacklogFullError) as refused:
        Backlog(Queue(10).count, 10, ManualClock()).check()
    assert refused.value.retry_after_seconds > 0


def test_a_count_is_good_for_a_while_and_then_made_again() -> None:
    queue, clock = Queue(10), ManualClock()
    backlog = Backlog(queue.count, 10, clock)
    for _ in range(3):
        with pytest.raises(BacklogFullError):
            backlog.check()
    assert queue.counts == 1
    queue.depth = 0
    clock.move(COUNT_IS_GOOD_FOR_SECONDS)
    backlog.check()
    assert queue.counts == 2
