"""How often a session and a user may run something, and what a call over that is told."""

import json
import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from execution_api.runs.session_client import Snapshot
from runlet_http.problems import ProblemError


class Cause(StrEnum):
    """Why a run was rejected; a label of the metric."""

    RATE_LIMIT = "rate_limit"
    USER_RATE_LIMIT = "user_rate_limit"
    COOLDOWN = "cooldown"
    BACKLOG = "backlog"
    ACTIVE = "active"
    CLOSED = "closed"
    UNKNOWN_SESSION = "unknown_session"
    TOO_LARGE = "too_large"
    ENDLESS_LOOP = "endless_loop"
    INVALID = "invalid"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, kw_only=True)
class RateLimitSettings:
    """A deployment's bounds, each field an environment variable of the same name; 0 is no bound."""

    rate_limit_runs_per_minute: Annotated[
        int, Meta(ge=0, le=1000, description="Of one session; 0 turns it off.")
    ] = 10
    rate_limit_user_runs_per_minute: Annotated[
        int, Meta(ge=0, le=1000, description="Of one `user_id`, in all its sessions; 0: off.")
    ] = 30
    max_consecutive_failures: Annotated[
        int,
        Meta(
            ge=0,
            le=100,
            description="Runs of a session in a row that exhausted a limit before it has to "
            "pause; 0 turns it off.",
        ),
    ] = 5
    failure_cooldown_seconds: Annotated[
        int, Meta(ge=0, le=86_400, description="How long it pauses then; 0 turns it off.")
    ] = 60


@dataclass(frozen=True)
class Ceiling:
    """At most so many runs of a subject within any minute."""

    cause: Cause
    subject: str
    runs_per_minute: int


@dataclass(frozen=True)
class Claim:
    """What a run has to stay within; 0 for `max_failures` is no bound."""

    session_id: UUID
    ceilings: tuple[Ceiling, ...]
    max_failures: int
    cooldown_seconds: int


class OverLimitError(Exception):
    """A run is over a bound, and would not be in `wait_seconds`."""

    def __init__(self, cause: Cause, wait_seconds: float) -> None:
        super().__init__(cause)
        self.cause = cause
        self.wait_seconds = wait_seconds


def claim_for(session: Snapshot, settings: RateLimitSettings) -> Claim | None:
    """What a run of this session has to stay within; None when there are no bounds."""
    ceilings = tuple(each for each in _ceilings(session, settings) if each.runs_per_minute)
    max_failures = settings.max_consecutive_failures if settings.failure_cooldown_seconds else 0
    if not ceilings and not max_failures:
        return None
    return Claim(session.session_id, ceilings, max_failures, settings.failure_cooldown_seconds)


def _ceilings(session: Snapshot, settings: RateLimitSettings) -> list[Ceiling]:
    # The user's last: it is the one that runs of several sessions wait for each other at.
    per_session = settings.rate_limit_runs_per_minute
    found = [Ceiling(Cause.RATE_LIMIT, f"session:{session.session_id}", per_session)]
    if session.user_id is not None:
        # As JSON, because 5 and "5" are two users.
        subject = f"user:{json.dumps(session.user_id, ensure_ascii=False)}"
        per_user = settings.rate_limit_user_runs_per_minute
        found.append(Ceiling(Cause.USER_RATE_LIMIT, subject, per_user))
    return found


def problem(over: OverLimitError, settings: RateLimitSettings) -> ProblemError:
    """The 429 for a run over a bound."""
    # A client that comes back a moment too early would be refused again.
    seconds = max(1, math.ceil(over.wait_seconds))
    again = f"Try again in {seconds} second{'' if seconds == 1 else 's'}."
    return ProblemError(
        429,
        f"{_sentence(over.cause, settings)} {again}",
        extra={"retryAfter": seconds},
        headers={"Retry-After": str(seconds)},
        cause=over.cause,
    )


def _sentence(cause: Cause, settings: RateLimitSettings) -> str:
    if cause == Cause.COOLDOWN:
        return (
            f"The last {settings.max_consecutive_failures} runs of this session each used up their "
            "time, memory or output. Look for a loop that does not end."
        )
    if cause == Cause.USER_RATE_LIMIT:
        most, whose = settings.rate_limit_user_runs_per_minute, "the sessions of this user"
    else:
        most, whose = settings.rate_limit_runs_per_minute, "this session"
    return f"At most {most} runs a minute are allowed for {whose}, and that many were started."
