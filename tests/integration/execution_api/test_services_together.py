"""The services as a deployment with tokens runs them: how they talk, and what they log of it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import NullPool, text
from werkzeug.test import TestResponse

from execution_api.bootstrap import Api
from runlet import messages
from runlet.config import ConfigError
from runlet.execution import Reason
from runlet.messages import RunRequested
from runlet_amqp import envelopes
from session_api import bootstrap as session_bootstrap
from session_api.config import Config as SessionConfig
from support.broker import vhosts
from support.broker.collectors import running_collector
from support.databases.event_factory import finished, started
from support.databases.executions import ExecutionsDatabase
from support.http.servers import served
from support.telemetry.log_capture import logged_at_info
from support.wait_until import eventually

StartApi = Callable[..., Api]

SESSION_INI = Path(session_bootstrap.__file__).with_name("alembic.ini")

# Whatever is secret in these tests has this in it.
SECRET = "s3cr3t"
TOKEN, SERVICE_TOKEN = f"{SECRET}-0123456789-caller", f"{SECRET}-0123456789-service"
TOKENS = {"api_tokens": f"platform:{TOKEN}", "service_token": SERVICE_TOKEN}
MINE = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def sessions_database_url(make_database: Callable[[Path], str]) -> str:
    """A database with the session API's tables."""
    return make_database(SESSION_INI)


@pytest.fixture
def session_api(sessions_database_url: str) -> Flask:
    """A session API that asks for tokens."""
    return session_bootstrap.create_api(
        SessionConfig(
            database_url=sessions_database_url,
            api_tokens=TOKENS["api_tokens"],
            service_token=SERVICE_TOKEN,
        )
    ).app


@pytest.fixture
def session_api_url(session_api: Flask) -> Iterator[str]:
    """Where it listens."""
    with served(session_api) as url:
        yield url


@pytest.fixture
def execution_api(start_api: StartApi, session_api_url: str) -> FlaskClient:
    """A caller of an execution API that asks for tokens, and shows its own to the session API."""
    client = start_api(session_api_url=session_api_url, **TOKENS).app.test_client()
    eventually(lambda: client.get("/ready", headers=MINE).status_code == 200)
    return client


def begin(session_api: Flask, **body: object) -> str:
    """A new session's id."""
    created = session_api.test_client().post(
        "/code-sessions", json={"language": "python", **body}, headers=MINE
    )
    assert created.status_code == 201, created.text
    session_id: str = created.get_json()["session_id"]
    return session_id


def run(client: FlaskClient, session_id: str, **body: object) -> TestResponse:
    """A call to run the session's program."""
    return client.post(f"/code-sessions/{session_id}/run", json=body, headers=MINE)


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
@pytest.mark.parametrize("path", ["/executions/x", "/dead-letters", "/metrics", "/openapi.json"])
def test_the_execution_api_wants_a_token_and_not_the_services(
    execution_api: FlaskClient, prefix: str, path: str
) -> None:
    for headers in ({}, {"Authorization": f"Bearer {SERVICE_TOKEN}"}):
        refused = execution_api.get(prefix + path, headers=headers)
        assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert execution_api.get(prefix + path, headers=MINE).status_code != 401


def test_the_session_api_lets_its_callers_and_the_other_service_in(session_api: Flask) -> None:
    client = session_api.test_client()
    assert client.get("/languages").status_code == 401
    assert client.get("/languages", headers=MINE).status_code == 200
    service = {"Authorization": f"Bearer {SERVICE_TOKEN}"}
    assert client.get("/languages", headers=service).status_code == 200


def test_a_run_gets_its_session_with_the_services_token(
    execution_api: FlaskClient, session_api: Flask
) -> None:
    assert run(execution_api, begin(session_api)).status_code == 202


def test_a_service_token_that_is_not_the_other_ones_is_a_503(
    start_api: StartApi, session_api: Flask, session_api_url: str
) -> None:
    wrong = {**TOKENS, "service_token": "0123456789abcdef"}
    client = start_api(session_api_url=session_api_url, **wrong).app.test_client()
    assert run(client, begin(session_api)).status_code == 503


def test_tokens_without_one_for_the_services_stop_the_start(start_api: StartApi) -> None:
    with pytest.raises(ConfigError, match="SERVICE_TOKEN is not set") as refused:
        start_api(api_tokens=TOKENS["api_tokens"])
    assert SECRET not in str(refused.value)


def test_every_operation_says_that_it_may_want_a_token(
    execution_api: FlaskClient, session_api: Flask
) -> None:
    for client in (execution_api, session_api.test_client()):
        document = client.get("/openapi.json", headers=MINE).get_json()
        assert document["security"] == [{"bearer": []}]
        for path in document["paths"].values():
            for method in path.keys() & {"get", "post", "patch", "delete"}:
                assert "401" in path[method]["responses"]


def test_the_users_of_sessions_share_a_ceiling(
    start_api: StartApi, session_api: Flask, session_api_url: str
) -> None:
    client = start_api(
        session_api_url=session_api_url, rate_limit_user_runs_per_minute=2, **TOKENS
    ).app.test_client()
    huge = int("7" * 100)
    answers = [run(client, begin(session_api, user_id=huge)).status_code for _ in range(3)]
    assert answers == [202, 202, 429]


def write_programs(session_api: Flask) -> str:
    """Save, read and list programs, rightly and wrongly; gives a session's id."""
    client = session_api.test_client()
    session_id = begin(session_api, source_code=f"print('{SECRET}')")
    address = f"/code-sessions/{session_id}"
    saved = client.patch(address, json={"code": f"input('{SECRET}')"}, headers=MINE)
    assert saved.status_code == 200
    stale = client.patch(address, json={"code": SECRET}, headers={**MINE, "If-Match": '"1"'})
    assert stale.status_code == 412
    assert client.patch(address, json={"code": f"{SECRET}\0"}, headers=MINE).status_code == 422
    assert client.patch(address, data=f'{{"{SECRET}', headers=MINE).status_code == 415
    assert client.get(f"/code-sessions?user_id={SECRET}", headers=MINE).status_code == 200
    wrong = {"Authorization": f"Bearer {TOKEN}x"}
    assert client.get(address, headers=wrong).status_code == 401
    return session_id


def run_to_the_end(
    client: FlaskClient, session_id: str, amqp_url: str, reason: Reason | None
) -> None:
    """Run a program, and tell its end as a runner does."""
    body = {
        "code": f"print('{SECRET}')",
        "stdin": SECRET,
        "args": [SECRET],
        "files": [{"name": f"{SECRET}.txt", "content": SECRET}],
    }
    accepted = run(client, session_id, **body)
    assert accepted.status_code == 202, accepted.text
    assert run(client, session_id, **body).status_code == 409
    [(properties, message)] = vhosts.take(amqp_url, "runs.python", 1)
    request = messages.decode(properties.type, message)
    assert isinstance(request, RunRequested)
    end = finished(request, reason=reason, stdout=SECRET, stderr=SECRET)
    for event in (started(request), end):
        vhosts.publish(amqp_url, envelopes.event(event, None))
    address = f"/executions/{accepted.get_json()['execution_id']}"
    result = client.get(f"{address}?wait=20", headers=MINE).get_json()
    assert result["stdout"] == SECRET
    assert client.post(f"{address}/cancel", headers=MINE).status_code == 409


def test_no_token_program_or_output_is_logged(
    execution_api: FlaskClient, session_api: Flask, database: ExecutionsDatabase, amqp_url: str
) -> None:
    with logged_at_info() as logged, running_collector(database.url, amqp_url):
        session_id = write_programs(session_api)
        for reason in (None, Reason.NONZERO_EXIT, *[Reason.TIME_LIMIT] * 5):
            run_to_the_end(execution_api, session_id, amqp_url, reason)
        assert run(execution_api, session_id, stdin=SECRET).status_code == 429
        assert run(execution_api, session_id, time_limit_ms=SECRET).status_code == 422
        assert run(execution_api, str(UUID(int=0)), code=SECRET).status_code == 404
        shown = logged()
    assert "execution_queued" in shown
    assert "'caller': 'platform'" in shown
    assert SECRET not in shown


@pytest.fixture
def refusing_database(sessions_database_url: str) -> Iterator[None]:
    """The sessions' database refuses programs, and quotes them when it says so."""
    engine = sqlalchemy.create_engine(sessions_database_url, poolclass=NullPool)
    with engine.begin() as connection:
        rule = "CHECK (source_code NOT LIKE '%refused%') NOT VALID"
        connection.execute(text(f"ALTER TABLE code_sessions ADD CONSTRAINT none {rule}"))
    yield
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE code_sessions DROP CONSTRAINT none"))


@pytest.mark.usefixtures("refusing_database")
def test_not_even_a_database_gone_wrong_brings_a_program_into_the_log(session_api: Flask) -> None:
    client, program = session_api.test_client(), {"source_code": f"{SECRET} refused"}
    address = f"/code-sessions/{begin(session_api)}"
    with logged_at_info() as logged:
        created = client.post("/code-sessions", json={"language": "c", **program}, headers=MINE)
        saved = client.patch(address, json=program, headers=MINE)
        shown = logged()
    assert created.status_code == saved.status_code == 500
    assert shown.count("CheckViolation") >= 2
    assert SECRET not in shown
