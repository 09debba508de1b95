import pytest

from runlet.backoff import FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS, Backoff, retry_until_stopped


class ScriptedStop:
    """Is set after so many waits, and waits for nothing."""

    def __init__(self, waits: int) -> None:
        self._left = waits

    def is_set(self) -> bool:
        return self._left <= 0

    def wait(self, seconds: float | None = None) -> bool:
        self._left -= 1
        return self.is_set()


def test_delays_grow_up_to_a_bound_and_begin_again() -> None:
    backoff = Backoff()
    delays = [backoff.next_delay() for _ in range(50)]

    assert delays[0] <= FIRST_DELAY_SECONDS
    assert max(delays) <= LONGEST_DELAY_SECONDS
    assert max(delays[10:]) > FIRST_DELAY_SECONDS

    backoff.reset()
    assert backoff.next_delay() <= FIRST_DELAY_SECONDS


def test_what_fails_for_a_while_is_tried_again_and_each_failure_is_told() -> None:
    answers: list[Exception | str] = [OSError("away"), OSError("still away"), "stored"]
    told: list[tuple[int, str]] = []

    def act() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def note(attempt: int, error: BaseException) -> None:
        told.append((attempt, str(error)))

    assert retry_until_stopped(act, ScriptedStop(9), (OSError,), note) == "stored"
    assert told == [(1, "away"), (2, "still away")]


def test_a_stop_ends_the_retries_with_the_last_error() -> None:
    def act() -> None:
        raise OSError("away")

    with pytest.raises(OSError, match="away"):
        retry_until_stopped(act, ScriptedStop(3), (OSError,), lambda _attempt, _error: None)


def test_an_error_that_is_not_expected_is_not_tried_again() -> None:
    calls: list[int] = []

    def act() -> None:
        calls.append(1)
        raise ValueError("a defect")

    with pytest.raises(ValueError, match="a defect"):
        retry_until_stopped(act, ScriptedStop(3), (OSError,), lambda _attempt, _error: None)
    assert calls == [1]
