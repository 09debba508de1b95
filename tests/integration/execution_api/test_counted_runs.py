"""Only what is accepted is counted, and counting costs little."""

from collections.abc import Callable
from itertools import cycle

import pytest
from sqlalchemy import Integer, column, text

from execution_api.bootstrap import Api
from execution_api.executions.repository import ExecutionRepository, NewExecution
from execution_api.runs.rate_limits import RateLimitCheck, RateLimitSettings, check_for
from execution_api.runs.session_client import Snapshot
from runlet import messages
from runlet.execution import Reason
from runlet_postgres import engines
from runlet_postgres.errors import InvalidDataError
from runlet_postgres.prepared_statements import Prepared
from support.databases.executions import ExecutionsDatabase, run_requested
from support.databases.rate_limits import counted, end_all, rejected, run
from support.databases.statements import sent_statements
from support.http.session_api_stub import SessionApiStub
from support.parallel import at_once

StartApi = Callable[..., Api]

OFF = {
    "rate_limit_runs_per_minute": 0,
    "rate_limit_user_runs_per_minute": 0,
    "max_consecutive_failures": 0,
}


def new_execution(database: ExecutionsDatabase) -> tuple[ExecutionRepository, NewExecution]:
    """A run about to be accepted, and where."""
    request = run_requested()
    new = NewExecution(request, messages.encode(request).decode(), b"hash", None, "00-trace")
    return ExecutionRepository(database.engine), new


def check_of(new: NewExecution, user_id: str) -> RateLimitCheck | None:
    """What it has to stay within by default."""
    session = Snapshot(new.request.session_id, "ACTIVE", "python", "", user_id)
    return check_for(session, RateLimitSettings())


def test_what_is_refused_as_active_consumes_nothing(
    start_api: StartApi, sessions: SessionApiStub, database: ExecutionsDatabase
) -> None:
    app = start_api().app
    session_id, before = sessions.add(user_id="ada"), rejected("active")
    first = run(app, session_id).get_json()["execution_id"]
    for _ in range(20):
        refused = run(app, session_id)
        assert (refused.status_code, refused.get_json()["execution_id"]) == (409, first)
    assert counted(database) == {"session": 1, "user": 1}
    assert rejected("active") == before + 20


def test_what_the_user_may_not_run_does_not_count_for_the_session(
    start_api: StartApi, sessions: SessionApiStub, database: ExecutionsDatabase
) -> None:
    app = start_api(rate_limit_user_runs_per_minute=1).app
    run(app, sessions.add(user_id="ada"))
    session_id, before = sessions.add(user_id="ada"), rejected("user_rate_limit")
    for _ in range(3):
        assert run(app, session_id).status_code == 429
    assert counted(database) == {"session": 1, "user": 1}
    assert rejected("user_rate_limit") == before + 3


def test_a_repeated_key_consumes_nothing_and_is_never_over_the_limit(
    start_api: StartApi, sessions: SessionApiStub, database: ExecutionsDatabase
) -> None:
    app = start_api(rate_limit_runs_per_minute=1).app
    session_id = sessions.add()
    answers = at_once(8, lambda: run(app, session_id, key="k"))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.get_json()["execution_id"] for answer in answers}) == 1
    end_all(database)
    assert run(app, session_id, key="k").status_code == 202
    assert counted(database) == {"session": 1}
    assert run(app, session_id, key="other").status_code == 429


def test_calls_with_one_key_at_two_replicas_share_one_run_of_the_allowance(
    start_api: StartApi, sessions: SessionApiStub, database: ExecutionsDatabase
) -> None:
    replicas = [start_api(rate_limit_user_runs_per_minute=1).app for _ in range(2)]
    session_id, apps = sessions.add(user_id="ada"), cycle(replicas)
    answers = at_once(12, lambda: run(next(apps), session_id, key="k"))
    assert {answer.status_code for answer in answers} == {202}
    assert counted(database) == {"session": 1, "user": 1}


def test_without_bounds_nothing_is_counted_and_accepting_is_one_statement(
    start_api: StartApi, sessions: SessionApiStub, database: ExecutionsDatabase
) -> None:
    app = start_api(**OFF).app
    session_id = sessions.add(user_id="ada")
    for _ in range(12):
        assert run(app, session_id).status_code == 202
        end_all(database, Reason.TIME_LIMIT)
    assert counted(database) == {}
    # The first on a connection has it prepared.
    for _ in range(2):
        repository, new = new_execution(database)
        with sent_statements() as sent:
            assert repository.insert(new)
    assert sent == ["EXECUTE"]


def test_counting_costs_one_statement_more_and_a_transaction(database: ExecutionsDatabase) -> None:
    for _ in range(2):
        repository, new = new_execution(database)
        with sent_statements() as sent:
            assert repository.insert(new, check_of(new, user_id="ada"))
    assert sent == ["BEGIN", "EXECUTE", "EXECUTE", "COMMIT"]
    # The user's one row holds both runs.
    assert counted(database) == {"session": 1, "user": 2}


def test_a_run_that_breaks_off_half_way_consumes_nothing(
    database: ExecutionsDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository, new = new_execution(database)
    breaking = text("SELECT 1 / 0 AS none").columns(column("none", Integer))
    monkeypatch.setattr(
        "execution_api.executions.repository._ACCEPT", Prepared("breaking", breaking)
    )
    with pytest.raises(InvalidDataError):
        repository.insert(new, check_of(new, user_id="ada"))
    assert counted(database) == {}


def test_the_server_ends_a_transaction_whose_process_hangs(database: ExecutionsDatabase) -> None:
    """Else one frozen replica would keep a user's row locked for the others."""
    engine = engines.create_engine(database.url, "test", 1, autocommit=True)
    with engine.connect() as connection:
        shown = connection.execute(text("SHOW idle_in_transaction_session_timeout")).scalar_one()
    engine.dispose()
    assert shown == "5s"


def test_a_full_backlog_consumes_nothing(
    start_api: StartApi, sessions: SessionApiStub, database: ExecutionsDatabase
) -> None:
    database.add()
    app, before = start_api(max_queue_depth=1).app, rejected("backlog")
    assert run(app, sessions.add()).status_code == 503
    assert counted(database) == {}
    assert rejected("backlog") == before + 1
