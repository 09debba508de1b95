"""The pause after runs that used up their limits."""

import time
from collections.abc import Callable

import pytest

from execution_api.bootstrap import Api
from runlet.execution import Reason
from support.databases.executions import ExecutionsDatabase
from support.databases.rate_limits import end_all, rejected, remaining, run
from support.http.session_api_stub import SessionApiStub

StartApi = Callable[..., Api]


@pytest.mark.parametrize("reason", [Reason.TIME_LIMIT, Reason.MEMORY_LIMIT, Reason.OUTPUT_LIMIT])
def test_runs_that_each_used_up_a_limit_are_followed_by_a_pause(
    start_api: StartApi, sessions: SessionApiStub, database: ExecutionsDatabase, reason: Reason
) -> None:
    app = start_api(max_consecutive_failures=2, failure_cooldown_seconds=50).app
    session_id, before = sessions.add(), rejected("cooldown")
    began = time.monotonic()
    for ago in (30, 9.5):
        assert run(app, session_id).status_code == 202
        end_all(database, reason, ago)
    refused = run(app, session_id)
    assert refused.status_code == 429
    assert refused.get_json()["retryAfter"] in remaining(41, began)
    assert "does not end" in refused.get_json()["detail"]
    assert run(app, sessions.add()).status_code == 202
    assert rejected("cooldown") == before + 1


def test_after_the_pause_one_run_more_is_tried(
    start_api: StartApi, sessions: SessionApiStub, database: ExecutionsDatabase
) -> None:
    app = start_api(max_consecutive_failures=2).app
    session_id = sessions.add()
    for ago in (90, 61):
        assert run(app, session_id).status_code == 202
        end_all(database, Reason.TIME_LIMIT, ago)
    assert run(app, session_id).status_code == 202
    end_all(database, Reason.TIME_LIMIT)
    assert run(app, session_id).status_code == 429


@pytest.mark.parametrize("between", [None, Reason.NONZERO_EXIT, Reason.CANCELLED])
def test_a_run_that_ended_otherwise_breaks_the_row(
    start_api: StartApi,
    sessions: SessionApiStub,
    database: ExecutionsDatabase,
    between: Reason | None,
) -> None:
    app = start_api(max_consecutive_failures=2).app
    session_id = sessions.add()
    for reason in (Reason.TIME_LIMIT, between, Reason.TIME_LIMIT):
        assert run(app, session_id).status_code == 202
        end_all(database, reason)
    assert run(app, session_id).status_code == 202


def test_with_several_bounds_reached_the_longest_wait_is_told(
    start_api: StartApi, sessions: SessionApiStub, database: ExecutionsDatabase
) -> None:
    app = start_api(
        rate_limit_runs_per_minute=1, max_consecutive_failures=1, failure_cooldown_seconds=300
    ).app
    session_id = sessions.add()
    run(app, session_id)
    began = time.monotonic()
    end_all(database, Reason.TIME_LIMIT)
    assert run(app, session_id).get_json()["retryAfter"] in remaining(300, began)
