"""The trace of an execution, in its row, its lifecycle and all that is published for it later."""

from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import pytest
import sqlalchemy
from alembic import command
from alembic.config import Config as AlembicConfig
from flask.testing import FlaskClient
from sqlalchemy import inspect

import execution_api
from execution_api.bootstrap import create_api
from execution_api.config import ApiConfig
from runlet import topology
from runlet_telemetry.trace_context import trace_id
from support.broker import vhosts
from support.databases import databases
from support.databases.executions import TRACEPARENT, ExecutionsDatabase
from support.http.session_api_stub import SessionApiStub
from support.wait_until import eventually

ALEMBIC_INI = Path(execution_api.__file__).with_name("alembic.ini")
TRACE = "7a" * 16
MINE = {"traceparent": f"00-{TRACE}-{'8b' * 8}-00"}


@pytest.fixture
def client(
    database: ExecutionsDatabase, amqp_url: str, sessions: SessionApiStub
) -> Iterator[FlaskClient]:
    """A caller of an API that exports nothing."""
    config = ApiConfig(database_url=database.url, amqp_url=amqp_url, session_api_url=sessions.url)
    api = create_api(config)
    api.start()
    client = api.app.test_client()
    eventually(lambda: client.get("/ready").status_code == 200)
    yield client
    api.close()


def test_a_run_is_stored_and_published_in_the_trace_of_its_call(
    client: FlaskClient, database: ExecutionsDatabase, sessions: SessionApiStub, amqp_url: str
) -> None:
    accepted = client.post(f"/code-sessions/{sessions.add()}/run", headers=MINE)
    assert accepted.status_code == 202, accepted.text
    [(properties, _body)] = vhosts.take(amqp_url, "runs.python", 1)
    [stored] = database.traces()
    told = (
        accepted.headers["traceparent"],
        sessions.requests[0]["traceparent"],
        properties.headers["traceparent"],
        stored,
    )
    assert {trace_id(traceparent) for traceparent in told} == {TRACE}
    # The caller does not record, and so does nobody else.
    assert {traceparent[-2:] for traceparent in told if traceparent} == {"00"}


def test_the_lifecycle_names_the_trace_of_each_call_that_began_something(
    client: FlaskClient, database: ExecutionsDatabase, amqp_url: str
) -> None:
    request = database.add_failed(attempts=4)
    letter_id = database.add_dead_letter(request.execution_id, attempts=4)
    assert client.post(f"/dead-letters/{letter_id}/requeue", headers=MINE).status_code == 202
    events = client.get(f"/executions/{request.execution_id}/events").get_json()["events"]
    details = {event["type"]: event["detail"] for event in events}
    assert details == {
        "queued": f"Trace {trace_id(TRACEPARENT)}.",
        "requeued": f"Trace {TRACE}.",
    }
    assert [trace_id(traceparent) for traceparent in database.traces()] == [TRACE]
    [(properties, _body)] = vhosts.take(amqp_url, "runs.python", 1)
    assert trace_id(properties.headers["traceparent"]) == TRACE


def test_a_cancellation_travels_in_the_trace_of_its_call(
    client: FlaskClient, database: ExecutionsDatabase, amqp_url: str
) -> None:
    request = database.add()
    with vhosts.open_channel(amqp_url) as channel:
        queue = channel.queue_declare("", exclusive=True).method.queue
        for exchange in (topology.CONTROL, topology.ENDED):
            channel.queue_bind(queue, exchange, "")
        cancelled = client.post(f"/executions/{request.execution_id}/cancel", headers=MINE)
        assert cancelled.status_code == 202
        heard = []
        for _method, properties, _body in channel.consume(queue, True, inactivity_timeout=120):
            heard.append((properties.type, trace_id(properties.headers["traceparent"])))
            if len(heard) == 2:
                break
    assert heard == [("cancel.requested.v1", TRACE), ("execution.ended.v1", TRACE)]


def test_the_answer_of_an_execution_has_no_field_more(
    client: FlaskClient, database: ExecutionsDatabase
) -> None:
    request = database.add()
    shown = client.get(f"/executions/{request.execution_id}").get_json()
    assert "traceparent" not in shown


def test_the_column_goes_and_comes_with_its_migration(
    make_database: Callable[[Path], str],
) -> None:
    url = make_database(ALEMBIC_INI)

    def columns() -> set[str]:
        engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
        return {column["name"] for column in inspect(engine).get_columns("executions")}

    with mock.patch.dict("os.environ", DATABASE_URL=url):
        command.downgrade(AlembicConfig(ALEMBIC_INI), "0004")
    assert "traceparent" not in columns()
    databases.migrate(ALEMBIC_INI, url)
    assert "traceparent" in columns()
