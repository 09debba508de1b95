"""What happens to a program with a loop that can never end, by the setting LOOP_GUARD."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from execution_api.bootstrap import Api
from execution_api.runs.loop_check import LoopGuard
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


@pytest.mark.parametrize("guard", [None, LoopGuard.WARN])
def test_a_warning_comes_with_the_result(
    start_api: StartApi,
    sessions: SessionApiStub,
    database: ExecutionsDatabase,
    guard: LoopGuard | None,
) -> None:
    client, path = run(start_api, sessions, guard)

    accepted = client.post(path, json={"source_code": ENDLESS})

    assert accepted.status_code == 202
    [note] = database.execution(accepted.get_json()["execution_id"])["feedback"]
    assert (note["kind"], note["line"]) == ("endless_loop", 2)


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


def test_switched_off_it_says_nothing(
    start_api: StartApi, sessions: SessionApiStub, database: ExecutionsDatabase
) -> None:
    client, path = run(start_api, sessions, LoopGuard.OFF)

    accepted = client.post(path, json={"source_code": ENDLESS})

    assert database.execution(accepted.get_json()["execution_id"])["feedback"] == []
