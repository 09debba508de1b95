"""How often may be run: counted in the database, exactly, whoever asks and however often."""

import time
from collections.abc import Callable, Iterator
from itertools import cycle
from uuid import UUID

from execution_api.bootstrap import Api
from support.databases.executions import ExecutionsDatabase
from support.databases.rate_limits import counted, end_all, let_pass, rejected, remaining, run
from support.http.session_api_stub import SessionApiStub
from support.parallel import at_once

StartApi = Callable[..., Api]


def test_a_session_may_run_so_often_a_minute_and_is_told_when_again(
    start_api: StartApi, sessions: SessionApiStub, database: ExecutionsDatabase
) -> None:
    app = start_api(rate_limit_runs_per_minute=3).app
    session_id, before = sessions.add(), rejected("rate_limit")
    began = time.monotonic()
    for _ in range(3):
        assert run(app, session_id).status_code == 202
        end_all(database)
        let_pass(database, 10)

    refused = run(app, session_id)

    assert refused.status_code == 429
    # The first of the three is 30 seconds old.
    seconds = refused.get_json()["retryAfter"]
    assert seconds in remaining(30, began)
    assert refused.headers["Retry-After"] == str(seconds)
    assert f"in {seconds} second" in refused.get_json()["detail"]
    assert rejected("rate_limit") == before + 1


def test_the_minute_slides(
    start_api: StartApi, sessions: SessionApiStub, database: ExecutionsDatabase
) -> None:
    app = start_api(rate_limit_runs_per_minute=2).app
    session_id = sessions.add()
    began = time.monotonic()
    for wait in (30, 1):
        assert run(app, session_id).status_code == 202
        end_all(database)
        let_pass(database, wait)
    assert int(run(app, session_id).headers["Retry-After"]) in remaining(29, began)
    let_pass(database, 29)
    assert run(app, session_id).status_code == 202
    end_all(database)
    assert run(app, session_id).status_code == 429


def test_a_session_has_an_allowance_of_its_own(
    start_api: StartApi, sessions: SessionApiStub
) -> None:
    app = start_api(rate_limit_runs_per_minute=1).app
    assert {run(app, sessions.add()).status_code for _ in range(5)} == {202}


def test_a_user_has_one_allowance_for_all_sessions(
    start_api: StartApi, sessions: SessionApiStub
) -> None:
    app = start_api(rate_limit_user_runs_per_minute=2).app
    mine = [sessions.add(user_id=5) for _ in range(3)]
    assert [run(app, each).status_code for each in mine] == [202, 202, 429]
    assert run(app, sessions.add(user_id="5")).status_code == 202
    assert run(app, sessions.add()).status_code == 202


def test_of_runs_at_once_at_two_replicas_exactly_as_many_as_allowed_are_accepted(
    start_api: StartApi, sessions: SessionApiStub, database: ExecutionsDatabase
) -> None:
    replicas = [start_api(rate_limit_user_runs_per_minute=5).app for _ in range(2)]
    for user in ("ada", "grace", 7):
        calls = cycle([(app, sessions.add(user_id=user)) for app in replicas * 10])
        answers = at_once(20, lambda calls=calls: run(*next(calls)))  # type: ignore[misc]
        assert sorted(answer.status_code for answer in answers) == [202] * 5 + [429] * 15
    assert counted(database)["user"] == 5


def test_runs_at_once_and_the_removal_of_an_old_allowance_get_on(
    start_api: StartApi, sessions: SessionApiStub, database: ExecutionsDatabase
) -> None:
    app = start_api(rate_limit_user_runs_per_minute=10).app
    for user in range(5):
        database.run(
            "INSERT INTO run_allowances VALUES (:subject, '{}', now() - interval '2 hours')",
            subject=f"user:{user}",
        )
        calls = iter([*(sessions.add(user_id=user) for _ in range(20)), None])

        def run_or_remove(calls: Iterator[UUID | None] = calls) -> int:
            if session_id := next(calls):
                return run(app, session_id).status_code
            database.run("DELETE FROM run_allowances WHERE updated_at < now() - interval '1 hour'")
            return 0

        assert sorted(at_once(21, run_or_remove)) == [0] + [202] * 10 + [429] * 10


def test_an_active_execution_is_told_before_a_spent_allowance(
    start_api: StartApi, sessions: SessionApiStub
) -> None:
    app = start_api(rate_limit_runs_per_minute=1).app
    session_id = sessions.add()
    run(app, session_id)
    assert run(app, session_id).status_code == 409


def test_a_limit_that_was_lowered_is_kept_by_old_rows_too(
    start_api: StartApi, sessions: SessionApiStub, database: ExecutionsDatabase
) -> None:
    generous, strict = (
        start_api(rate_limit_runs_per_minute=each, max_consecutive_failures=0).app
        for each in (4, 2)
    )
    session_id = sessions.add()
    began = time.monotonic()
    for _ in range(4):
        assert run(generous, session_id).status_code == 202
        end_all(database)
        let_pass(database, 10)
    # Runs of 40, 30, 20 and 10 seconds ago; in 40 seconds the one of 20 seconds ago goes.
    assert run(strict, session_id).get_json()["retryAfter"] in remaining(40, began)
