"""What happens to a program with a loop that can never end, by the setting LOOP_GUARD."""

from collections.abc import Callable
from typing import NoReturn

import pytest
from flask.testing import FlaskClient

from execution_api.bootstrap import Api
from execution_api.runs import submission
from runlet_loop_guard import LoopGuard
from support.databases.executions import ExecutionsDatabase
from support.http.session_api_stub import SessionApiStub
from support.telemetry.metrics import rise
from support.wait_until import eventually

StartApi = Callable[..., Api]
ENDLESS = "n = 1\nwhile True:\n    n = 2\n"


def run(
    start_api: StartApi, sessions: SessionApiStub, guard: LoopGuard | None
) -> tuple[FlaskClient, str]:
    """An API with this setting, and the path at which a session of it is run."""
    settings = {} if guard is None else {"loop_guard": guard}
    client = start_api(**settings).app.test_client()
    eventually(lambda: client.get("/ready").status_code == 200)
    return client, f"/code-sessions/{sessions.add()}/run"


@pytest.mark.parametrize("guard", [None, LoopGuard.WARN, LoopGuard.OFF])
def test_unless_it_is_to_be_rejected_a_program_is_accepted_without_being_looked_at(
    start_api: StartApi,
    sessions: SessionApiStub,
    database: ExecutionsDatabase,
    guard: LoopGuard | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client, path = run(start_api, sessions, guard)
    monkeypatch.setattr(submission, "endless_loops", must_not_be_called)

    accepted = client.post(path, json={"source_code": ENDLESS})

    assert accepted.status_code == 202
    assert database.execution(accepted.get_json()["execution_id"])["feedback"] == []


def must_not_be_called(*_arguments: object) -> NoReturn:
    """Takes the place of an analysis that costs too much here."""
    pytest.fail("The program was analysed.")


@pytest.mark.parametrize(
    ("limits", "status"),
    [
        ({}, 409),
        ({"rate_limit_runs_per_minute": 1}, 429),
    ],
    ids=["active", "rate limit"],
)
def test_a_run_that_is_refused_anyway_is_not_looked_at(
    start_api: StartApi,
    sessions: SessionApiStub,
    database: ExecutionsDatabase,
    limits: dict[str, int],
    status: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    api = start_api(loop_guard=LoopGuard.REJECT, **limits)
    client, path = api.app.test_client(), f"/code-sessions/{sessions.add()}/run"
    first = {"json": {"source_code": "print(1)"}, "headers": {"Idempotency-Key": "first"}}
    assert client.post(path, **first).status_code == 202
    if status == 429:
        database.run("UPDATE executions SET status = 'COMPLETED'")
    monkeypatch.setattr(submission, "endless_loops", must_not_be_called)

    assert client.post(path, json={"source_code": ENDLESS}).status_code == status
    assert client.post(path, **first).status_code == 202


def test_where_it_is_rejected_nothing_is_queued(
    start_api: StartApi, sessions: SessionApiStub, database: ExecutionsDatabase
) -> None:
    client, path = run(start_api, sessions, LoopGuard.REJECT)
    rejected = rise("runlet_runs_rejected_total", cause="endless_loop")

    refused = client.post(path, json={"source_code": ENDLESS})

    assert refused.status_code == 422
    [sentence] = refused.get_json()["errors"]["source_code"]
    assert sentence.startswith("Line 2: ")
    assert not database.outbox()
    assert rejected() == 1
