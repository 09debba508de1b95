"""How often a session and a user may run something.

PostgreSQL decides it, so it is exact with any number of replicas.
"""

import json
import math
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from msgspec import Meta
from sqlalchemy import Connection, Float, Integer, Text, bindparam, column, text
from sqlalchemy.dialects.postgresql import ARRAY

from execution_api.errors import Cause, RateLimitedError
from execution_api.runs.session_client import Snapshot
from runlet.execution import ACTIVE, Reason
from runlet_postgres.prepared_statements import Prepared

_WHOSE = {Cause.RATE_LIMIT: "this session", Cause.USER_RATE_LIMIT: "the sessions of this user"}


@dataclass(frozen=True, kw_only=True)
class RateLimitSettings:
    """A deployment's limits, each field an environment variable of the same name; 0 is no limit."""

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
class RateLimit:
    """At most so many runs of a subject within any minute."""

    cause: Cause
    subject: str
    runs_per_minute: int


@dataclass(frozen=True)
class RateLimitCheck:
    """What a run has to stay within; 0 for `max_failures` is no limit."""

    session_id: UUID
    limits: tuple[RateLimit, ...]
    max_failures: int
    cooldown_seconds: int

    def refusal(self, cause: Cause, wait_seconds: float) -> RateLimitedError:
        """The error for a run that `cause` forbids, and would not in `wait_seconds`."""
        # A client that comes back a moment too early would be refused again.
        seconds = max(1, math.ceil(wait_seconds))
        again = f"Try again in {seconds} second{'' if seconds == 1 else 's'}."
        return RateLimitedError(cause, f"{self._sentence(cause)} {again}", seconds)

    def _sentence(self, cause: Cause) -> str:
        if cause == Cause.COOLDOWN:
            return (
                f"The last {self.max_failures} runs of this session each used up their "
                "time, memory or output. Look for a loop that does not end."
            )
        most = next(limit.runs_per_minute for limit in self.limits if limit.cause == cause)
        return (
            f"At most {most} runs a minute are allowed for {_WHOSE[cause]}, and that many were "
            "started."
        )


def check_for(session: Snapshot, settings: RateLimitSettings) -> RateLimitCheck | None:
    """What a run of this session has to stay within; None when there are no limits."""
    limits = tuple(limit for limit in _rate_limits(session, settings) if limit.runs_per_minute)
    max_failures = settings.max_consecutive_failures if settings.failure_cooldown_seconds else 0
    if not limits and not max_failures:
        return None
    return RateLimitCheck(
        session.session_id, limits, max_failures, settings.failure_cooldown_seconds
    )


def _rate_limits(session: Snapshot, settings: RateLimitSettings) -> list[RateLimit]:
    # The user's last: it is the one that runs of several sessions wait for each other at.
    per_session = settings.rate_limit_runs_per_minute
    found = [RateLimit(Cause.RATE_LIMIT, f"session:{session.session_id}", per_session)]
    if session.user_id is not None:
        # As JSON, because 5 and "5" are two users.
        subject = f"user:{json.dumps(session.user_id, ensure_ascii=False)}"
        per_user = settings.rate_limit_user_runs_per_minute
        found.append(RateLimit(Cause.USER_RATE_LIMIT, subject, per_user))
    return found


_EXHAUSTING = [Reason.TIME_LIMIT, Reason.MEMORY_LIMIT, Reason.OUTPUT_LIMIT]

# Each subject's row holds the times of its runs of the last minute. To add one more locks the row,
# so runs that come at once are counted one after the other. An element below the first is null:
# who is not over the limit has nothing to wait for. The moments are the server's, whose clock is
# the same for every replica.
_TAKE_STATEMENT = text("""
WITH wanted AS (
    SELECT *
    FROM unnest(CAST(:causes AS text[]), CAST(:subjects AS text[]), CAST(:limits AS integer[]))
        WITH ORDINALITY AS one (cause, subject, runs_per_minute, place)
), taken AS (
    INSERT INTO run_allowances AS allowance (subject, runs, updated_at)
    SELECT subject, ARRAY[clock_timestamp()], clock_timestamp() FROM wanted ORDER BY place
    ON CONFLICT (subject) DO UPDATE SET
        runs = ARRAY(
            SELECT run FROM unnest(allowance.runs) AS run
            WHERE run > clock_timestamp() - interval '1 minute'
            ORDER BY run
        ) || clock_timestamp(),
        updated_at = clock_timestamp()
    RETURNING subject, runs
), latest AS (
    SELECT reason, finished_at
    FROM executions
    WHERE session_id = CAST(:session_id AS uuid)
    ORDER BY created_at DESC, id DESC
    LIMIT :max_failures
), bounds (cause, free_at) AS (
    SELECT cause, runs[cardinality(runs) - runs_per_minute] + interval '1 minute'
    FROM taken JOIN wanted USING (subject)
    UNION ALL
    SELECT :cooldown, max(finished_at) + make_interval(secs => :cooldown_seconds)
    FROM latest
    HAVING count(*) FILTER (WHERE reason = ANY (:exhausting)) = :max_failures
    UNION ALL
    SELECT :active, clock_timestamp() + interval '1 second'
    FROM executions
    WHERE session_id = CAST(:session_id AS uuid) AND status = ANY (:active_statuses)
)
SELECT cause, CAST(extract(epoch FROM free_at - clock_timestamp()) AS double precision)
FROM bounds
WHERE free_at > clock_timestamp()
ORDER BY cause = :active DESC, free_at DESC
LIMIT 1
""")
_TAKE = Prepared(
    "take_allowances",
    _TAKE_STATEMENT.bindparams(
        *(bindparam(name, type_=ARRAY(Text)) for name in ("causes", "subjects")),
        *(bindparam(name, type_=ARRAY(Text)) for name in ("exhausting", "active_statuses")),
        bindparam("limits", type_=ARRAY(Integer)),
        *(bindparam(name, type_=Text) for name in ("session_id", "cooldown", "active")),
        *(bindparam(name, type_=Integer) for name in ("max_failures", "cooldown_seconds")),
    ).columns(column("cause", Text), column("wait_seconds", Float)),
)


def take(connection: Connection, check: RateLimitCheck) -> bool:
    """Count one more run, if the transaction is committed.

    False when the session has an active execution, which the transaction is to be rolled back for
    as well as for RateLimitedError, raised when the run is over a limit.
    """
    over = _TAKE.execute(connection, _values(check)).mappings().first()
    if over is None:
        return True
    if over["cause"] == Cause.ACTIVE:
        return False
    raise check.refusal(Cause(over["cause"]), over["wait_seconds"])


def _values(check: RateLimitCheck) -> dict[str, object]:
    return {
        "causes": [limit.cause.value for limit in check.limits],
        "subjects": [limit.subject for limit in check.limits],
        "limits": [limit.runs_per_minute for limit in check.limits],
        "session_id": str(check.session_id),
        "max_failures": check.max_failures,
        "cooldown": Cause.COOLDOWN.value,
        "cooldown_seconds": check.cooldown_seconds,
        "exhausting": [reason.value for reason in _EXHAUSTING],
        "active": Cause.ACTIVE.value,
        "active_statuses": sorted(status.value for status in ACTIVE),
    }
