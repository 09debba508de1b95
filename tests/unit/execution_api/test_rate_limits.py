"""What a run has to stay within, and what is said to one that does not."""

from uuid import uuid4

import pytest

from execution_api.errors import Cause
from execution_api.runs import rate_limits
from execution_api.runs.rate_limits import RateLimitCheck, RateLimitSettings
from execution_api.runs.session_client import Snapshot

SETTINGS = RateLimitSettings()
NO_LIMITS = {"rate_limit_runs_per_minute": 0, "rate_limit_user_runs_per_minute": 0}


def session(user_id: str | int | None = None) -> Snapshot:
    return Snapshot(uuid4(), "ACTIVE", "python", "print(42)", user_id)


def check_for(user_id: str | int | None, settings: RateLimitSettings = SETTINGS) -> RateLimitCheck:
    check = rate_limits.check_for(session(user_id), settings)
    assert check is not None
    return check


def subjects(user_id: str | int | None, settings: RateLimitSettings = SETTINGS) -> list[str]:
    return [limit.subject.partition(":")[0] for limit in check_for(user_id, settings).limits]


def test_a_session_without_a_user_counts_for_itself_only() -> None:
    assert subjects(None) == ["session"]


def test_the_users_row_is_locked_last() -> None:
    assert subjects("ada") == ["session", "user"]


def test_each_limit_can_be_turned_off() -> None:
    assert subjects("ada", RateLimitSettings(rate_limit_runs_per_minute=0)) == ["user"]
    assert subjects("ada", RateLimitSettings(rate_limit_user_runs_per_minute=0)) == ["session"]


def test_the_number_5_and_the_text_5_are_two_users() -> None:
    assert check_for(5).limits[1].subject != check_for("5").limits[1].subject


@pytest.mark.parametrize(
    "off", [{"max_consecutive_failures": 0}, {"failure_cooldown_seconds": 0}], ids=str
)
def test_with_everything_off_there_is_nothing_to_check(off: dict[str, int]) -> None:
    settings = RateLimitSettings(**NO_LIMITS, **off)
    assert rate_limits.check_for(session("ada"), settings) is None


@pytest.mark.parametrize(
    ("wait", "told"), [(0.0004, 1), (1.0, 1), (11.2, 12), (59.999, 60)], ids=str
)
def test_the_wait_is_told_in_whole_seconds_rounded_up(wait: float, told: int) -> None:
    refusal = check_for("ada").refusal(Cause.RATE_LIMIT, wait)
    assert refusal.wait_seconds == told
    assert f"in {told} second" in str(refusal)


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (Cause.RATE_LIMIT, "At most 10 runs a minute are allowed for this session"),
        (Cause.USER_RATE_LIMIT, "At most 30 runs a minute are allowed for the sessions of this"),
        (Cause.COOLDOWN, "The last 5 runs of this session each used up"),
    ],
)
def test_each_limit_is_told_in_words_of_its_own(cause: Cause, words: str) -> None:
    refusal = check_for("ada").refusal(cause, 3)
    assert words in str(refusal)
    assert refusal.cause is cause
