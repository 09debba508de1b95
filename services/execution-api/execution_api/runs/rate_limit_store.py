"""The bounds on how often is run, decided by PostgreSQL: exact with any number of replicas."""

from sqlalchemy import Connection, Float, Integer, Text, bindparam, column, text
from sqlalchemy.dialects.postgresql import ARRAY

from execution_api.runs.rate_limits import Cause, Claim, OverLimitError
from runlet.execution import ACTIVE, Reason
from runlet_postgres.prepared_statements import Prepared

_EXHAUSTING = [Reason.TIME_LIMIT, Reason.MEMORY_LIMIT, Reason.OUTPUT_LIMIT]

# Each subject's row holds the times of its runs of the last minute. To add one more locks the row,
# so runs that come at once are counted one after the other. An element below the first is null:
# who is not over the ceiling has nothing to wait for. The moments are the server's, whose clock is
# the same for every replica.
_TAKE_STATEMENT = text("""
WITH wanted AS (
    SELECT *
    FROM unnest(CAST(:causes AS text[]), CAST(:subjects AS text[]), CAST(:ceilings AS integer[]))
        WITH ORDINALITY AS one (cause, subject, ceiling, place)
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
    SELECT cause, runs[cardinality(runs) - ceiling] + interval '1 minute'
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
        bindparam("ceilings", type_=ARRAY(Integer)),
        *(bindparam(name, type_=Text) for name in ("session_id", "cooldown", "active")),
        *(bindparam(name, type_=Integer) for name in ("max_failures", "cooldown_seconds")),
    ).columns(column("cause", Text), column("wait_seconds", Float)),
)


def take(connection: Connection, claim: Claim) -> bool:
    """Count one more run, if the transaction is committed.

    False when the session has an active execution, which the transaction is to be rolled back for
    as well as for OverLimitError, raised when the run is over a bound.
    """
    over = _TAKE.execute(connection, _values(claim)).mappings().first()
    if over is None:
        return True
    if over["cause"] == Cause.ACTIVE:
        return False
    raise OverLimitError(Cause(over["cause"]), over["wait_seconds"])


def _values(claim: Claim) -> dict[str, object]:
    return {
        "causes": [ceiling.cause.value for ceiling in claim.ceilings],
        "subjects": [ceiling.subject for ceiling in claim.ceilings],
        "ceilings": [ceiling.runs_per_minute for ceiling in claim.ceilings],
        "session_id": str(claim.session_id),
        "max_failures": claim.max_failures,
        "cooldown": Cause.COOLDOWN.value,
        "cooldown_seconds": claim.cooldown_seconds,
        "exhausting": [reason.value for reason in _EXHAUSTING],
        "active": Cause.ACTIVE.value,
        "active_statuses": sorted(status.value for status in ACTIVE),
    }
