"""What a run has to stay within, and what is said to one that does not."""

from uuid import uuid4

import pytest

from execution_api.runs import rate_limits
from execution_api.runs.rate_limits import Cause, OverLimitError, RateLimitSettings
from execution_api.runs.session_client import Snapshot

SETTINGS = RateLimitSettings()
NO_CEILINGS = {"rate_limit_runs_per_minute": 0, "rate_limit_user_runs_per_minute": 0}


def session(user_id: str | int | None = None) -> Snapshot:
    return Snapshot(uuid4(), "ACTIVE", "python", "print(42)", user_id)


def subjects(user_id: str | int | None, settings: RateLimitSettings = SETTINGS) -> list[str]:
    claim = rate_limits.claim_for(session(user_id), settings)
    assert claim is not None
    return [ceiling.subject.partition(":")[0] for ceiling in claim.ceilings]


def test_a_session_without_a_user_counts_for_itself_only() -> None:
    assert subjects(None) == ["session"]


def test_the_users_row_is_locked_last() -> None:
    assert subjects("ada") == ["session", "user"]


def test_each_ceiling_can_be_turned_off() -> None:
    assert subjects("ada", RateLimitSettings(rate_limit_runs_per_minute=0)) == ["user"]
    assert subjects("ada", RateLimitSettings(rate_limit_user_runs_per_minute=0)) == ["session"]


def test_the_number_5_and_the_text_5_are_two_users() -> None:
    claims = [rate_limits.claim_for(session(user_id), SETTINGS) for user_id in (5, "5")]
    assert len({claim.ceilings[1].subject for claim in claims if claim}) == 2


@pytest.mark.parametrize(
    "off", [{"max_consecutive_failures": 0}, {"failure_cooldown_seconds": 0}], ids=str
)
def test_with_everything_off_there_is_nothing_to_claim(off: dict[str, int]) -> None:
    settings = RateLimitSettings(**NO_CEILINGS, **off)
    assert rate_limits.claim_for(session("ada"), settings) is None


@pytest.mark.parametrize(
    ("wait", "told"), [(0.0004, 1), (1.0, 1), (11.2, 12), (59.999, 60)], ids=str
)
def test_the_wait_is_told_in_whole_seconds_rounded_up(wait: float, told: int) -> None:
    problem = rate_limits.problem(OverLimitError(Cause.RATE_LIMIT, wait), SETTINGS)
    assert problem.status == 429
    assert (problem.headers["Retry-After"], problem.extra["retryAfter"]) == (str(told), told)
    assert f"in {told} second" in problem.detail


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (Cause.RATE_LIMIT, "At most 10 runs a minute are allowed for this session"),
        (Cause.USER_RATE_LIMIT, "At most 30 runs a minute are allowed for the sessions of this"),
        (Cause.COOLDOWN, "The last 5 runs of this session each used up"),
    ],
)
def test_each_bound_is_told_in_words_of_its_own(cause: Cause, words: str) -> None:
    assert words in rate_limits.problem(OverLimitError(cause, 3), SETTINGS).detail
