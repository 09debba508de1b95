"""Running often, and looking at what is counted."""

import math
import time
from uuid import UUID

from flask import Flask
from prometheus_client import REGISTRY
from sqlalchemy import text
from werkzeug.test import TestResponse

from runlet.execution import Reason, Status
from support.databases.executions import ExecutionsDatabase


def run(app: Flask, session_id: UUID, key: str | None = None, **body: object) -> TestResponse:
    """One call to run a session's program."""
    headers = {"Idempotency-Key": key} if key else {}
    return app.test_client().post(f"/code-sessions/{session_id}/run", json=body, headers=headers)


def end_all(
    database: ExecutionsDatabase, reason: Reason | None = None, seconds_ago: float = 0
) -> None:
    """End what is active."""
    database.run(
        "UPDATE executions SET status = :status, reason = :reason,"
        " finished_at = now() - make_interval(secs => :ago) WHERE status = 'QUEUED'",
        status=Status.COMPLETED if reason is None else Status.FAILED,
        reason=reason,
        ago=seconds_ago,
    )


def let_pass(database: ExecutionsDatabase, seconds: float) -> None:
    """Make every counted run so much older."""
    database.run(
        "UPDATE run_allowances SET runs ="
        " ARRAY(SELECT run - make_interval(secs => :seconds) FROM unnest(runs) AS run)",
        seconds=seconds,
    )


def remaining(seconds: int, since: float) -> range:
    """What is told of a wait of `seconds` that began after `since`, a time of time.monotonic()."""
    return range(max(1, math.floor(seconds - (time.monotonic() - since))), seconds + 1)


def counted(database: ExecutionsDatabase) -> dict[str, int]:
    """How many runs are counted, by kind of subject."""
    query = text("SELECT split_part(subject, ':', 1), cardinality(runs) FROM run_allowances")
    with database.engine.connect() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


def rejected(cause: str) -> float:
    """How many runs were refused for this cause so far."""
    return REGISTRY.get_sample_value("runlet_runs_rejected_total", {"cause": cause}) or 0.0
