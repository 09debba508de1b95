"""POST /executions/{id}/cancel."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from uuid import UUID

import pytest
import sqlalchemy
from flask import Flask
from flask.testing import FlaskClient
from pika.adapters.blocking_connection import BlockingChannel
from werkzeug.test import TestResponse

from execution_api.bootstrap import Api
from runlet import messages, topology
from runlet.messages import CancelRequested, ExecutionEnded, Message
from support.broker import vhosts
from support.databases.event_factory import finished, started
from support.databases.executions import ExecutionsDatabase
from support.databases.stores import store
from support.http.session_api_stub import SessionApiStub
from support.parallel import at_once
from support.wait_until import eventually

StartApi = Callable[..., Api]

NO_BROKER = "amqp://guest:guest@127.0.0.1:1/"
ARRIVAL_SECONDS = 120


def cancel(app: Flask, execution_id: UUID) -> TestResponse:
    """Cancel an execution."""
    return app.test_client().post(f"/executions/{execution_id}/cancel")


class ExchangeListener:
    """Hears what goes through a fanout exchange."""

    def __init__(self, channel: BlockingChannel, exchange: str) -> None:
        self._channel = channel
        self._queue = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(self._queue, exchange)

    def receive(self) -> Message:
        """The next message. Fails when none comes."""
        arriving = self._channel.consume(self._queue, inactivity_timeout=ARRIVAL_SECONDS)
        method, properties, body = next(arriving)
        assert method is not None, "Nothing was told."
        return messages.decode(properties.type, body)


@contextmanager
def listening(amqp_url: str, exchange: str) -> Iterator[ExchangeListener]:
    """A listener at an exchange, from now on."""
    with vhosts.open_channel(amqp_url) as channel:
        yield ExchangeListener(channel, exchange)


def test_a_queued_execution_is_cancelled_at_once(
    client: FlaskClient, database: ExecutionsDatabase
) -> None:
    request = database.add()

    answer = cancel(client.application, request.execution_id)

    assert answer.status_code == 202
    assert answer.get_json() == {"execution_id": str(request.execution_id), "status": "CANCELLED"}
    shown = client.get(f"/executions/{request.execution_id}").get_json()
    assert (shown["status"], shown["reason"], shown["attempts"]) == ("CANCELLED", "cancelled", 0)
    assert (shown["stdout"], shown["stderr"], shown["stdout_truncated"]) == ("", "", False)
    assert shown["finished_at"] is not None
    assert shown["feedback"] == []
    assert database.events(request.execution_id) == [("queued", 1), ("cancelled", 1)]
    assert not database.outbox()


def test_a_running_execution_is_marked_and_its_runner_is_told(
    client: FlaskClient, database: ExecutionsDatabase, amqp_url: str
) -> None:
    request = database.add()
    store(database, started(request))
    with listening(amqp_url, topology.CONTROL) as listener:
        answer = cancel(client.application, request.execution_id)
        told = listener.receive()

    assert answer.status_code == 202
    assert answer.get_json() == {"execution_id": str(request.execution_id), "status": "RUNNING"}
    assert isinstance(told, CancelRequested)
    assert (told.execution_id, told.attempt) == (request.execution_id, 1)
    execution = database.execution(request.execution_id)
    assert (execution["status"], execution["reason"]) == ("RUNNING", None)
    assert execution["cancel_requested_at"] is not None
    assert execution["finished_at"] is None
    assert database.events(request.execution_id)[-1] == ("cancel_requested", 1)


def test_cancelling_again_while_it_runs_is_fine(
    client: FlaskClient, database: ExecutionsDatabase
) -> None:
    request = database.add()
    store(database, started(request))
    first = cancel(client.application, request.execution_id)
    marked = database.execution(request.execution_id)
    again = cancel(client.application, request.execution_id)
    assert (first.status_code, again.status_code) == (202, 202)
    assert database.execution(request.execution_id) == marked
    assert database.events(request.execution_id).count(("cancel_requested", 1)) == 1


def test_runners_are_told_of_a_queued_one_too(
    client: FlaskClient, database: ExecutionsDatabase, amqp_url: str
) -> None:
    request = database.add()
    with listening(amqp_url, topology.CONTROL) as listener:
        cancel(client.application, request.execution_id)
        told = listener.receive()
    assert isinstance(told, CancelRequested)
    assert (told.execution_id, told.attempt) == (request.execution_id, 1)


def test_runners_are_told_of_a_request_that_was_sent_out_again_too(
    client: FlaskClient, database: ExecutionsDatabase, amqp_url: str
) -> None:
    request = database.add()
    database.run(
        "INSERT INTO execution_events (execution_id, type, at, attempt)"
        " SELECT id, 'republished', now(), 3 FROM executions"
    )
    with listening(amqp_url, topology.CONTROL) as listener:
        cancel(client.application, request.execution_id)
        told = listener.receive()
    assert isinstance(told, CancelRequested)
    assert told.attempt == 3


def test_the_end_of_a_queued_one_is_told_whole(
    client: FlaskClient, database: ExecutionsDatabase, amqp_url: str
) -> None:
    request = database.add()
    with listening(amqp_url, topology.ENDED) as listener:
        cancel(client.application, request.execution_id)
        ended = listener.receive()
    execution = database.execution(request.execution_id)
    assert isinstance(ended, ExecutionEnded)
    assert (ended.execution_id, ended.session_id) == (request.execution_id, request.session_id)
    assert (ended.status, ended.reason, ended.attempts) == ("CANCELLED", "cancelled", 0)
    assert (ended.limits, ended.result.stdout) == (request.limits, "")
    assert (ended.queued_at, ended.finished_at) == (request.queued_at, execution["finished_at"])


def test_who_waits_for_a_queued_one_hears_of_it(
    client: FlaskClient, database: ExecutionsDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("execution_api.executions.missed_event_poller.POLL_SECONDS", 3600.0)
    request = database.add()
    path = f"/executions/{request.execution_id}"
    begun = time.monotonic()
    with ThreadPoolExecutor(1) as callers:
        waiting = callers.submit(client.application.test_client().get, f"{path}?wait=30")
        assert cancel(client.application, request.execution_id).status_code == 202
        told = waiting.result().get_json()
    assert time.monotonic() - begun < 29
    assert told == client.get(path).get_json()


def test_without_a_broker_it_is_cancelled_all_the_same(
    start_api: StartApi, database: ExecutionsDatabase
) -> None:
    app = start_api(amqp_url=NO_BROKER).app
    queued, running = database.add(), database.add()
    store(database, started(running))
    assert cancel(app, queued.execution_id).get_json()["status"] == "CANCELLED"
    assert cancel(app, running.execution_id).get_json()["status"] == "RUNNING"
    assert database.execution(running.execution_id)["cancel_requested_at"] is not None


def test_what_is_over_is_not_cancelled(client: FlaskClient, database: ExecutionsDatabase) -> None:
    request = database.add()
    store(database, started(request), finished(request))
    before = database.execution(request.execution_id)
    refused = cancel(client.application, request.execution_id)
    problem = refused.get_json()
    assert (refused.status_code, problem["status"]) == (409, "COMPLETED")
    assert problem["execution_id"] == str(request.execution_id)
    assert problem["error"].startswith("This execution is over already: it is COMPLETED.")
    assert database.execution(request.execution_id) == before
    assert "cancelled" not in dict(database.events(request.execution_id))


def test_many_cancellations_at_once_cancel_a_queued_one_once(
    client: FlaskClient, database: ExecutionsDatabase
) -> None:
    request = database.add()
    answers = at_once(8, lambda: cancel(client.application, request.execution_id))
    assert sorted(answer.status_code for answer in answers) == [202] + [409] * 7
    assert database.events(request.execution_id) == [("queued", 1), ("cancelled", 1)]


def test_a_cancellation_and_a_start_at_once_agree_on_one_story(
    client: FlaskClient, database: ExecutionsDatabase
) -> None:
    for _ in range(10):
        request = database.add()
        acts: Iterator[Callable[[], object]] = iter(
            [
                lambda: cancel(client.application, request.execution_id).get_json()["status"],  # noqa: B023
                lambda: store(database, started(request))[0].changed,  # noqa: B023
            ]
        )
        answers = set(at_once(2, lambda: next(acts)()))  # noqa: B023
        assert answers in ({"CANCELLED", False}, {"RUNNING", True})
        execution = database.execution(request.execution_id)
        assert execution["status"] in answers


def test_a_retried_execution_is_cancelled_before_its_next_attempt(
    client: FlaskClient, database: ExecutionsDatabase
) -> None:
    request = database.add()
    database.run("UPDATE executions SET attempts = 2")
    cancel(client.application, request.execution_id)
    assert database.events(request.execution_id)[-1] == ("cancelled", 3)
    assert database.execution(request.execution_id)["attempts"] == 2


def test_news_of_a_cancelled_execution_come_too_late(
    client: FlaskClient, database: ExecutionsDatabase
) -> None:
    request = database.add()
    cancel(client.application, request.execution_id)
    store(database, started(request), finished(request, stdout="late"))
    execution = database.execution(request.execution_id)
    assert (execution["status"], execution["stdout"]) == ("CANCELLED", "")


def test_a_cancelled_execution_frees_its_session(
    client: FlaskClient, database: ExecutionsDatabase, sessions: SessionApiStub
) -> None:
    run = f"/code-sessions/{sessions.add()}/run"
    first = client.post(run).get_json()
    assert client.post(run).status_code == 409
    cancel(client.application, UUID(first["execution_id"]))
    assert client.post(run).status_code == 202
    assert client.post(run).status_code == 409


def test_a_running_one_holds_its_session_until_it_has_stopped(
    client: FlaskClient, database: ExecutionsDatabase, sessions: SessionApiStub
) -> None:
    session_id = sessions.add()
    accepted = client.post(f"/code-sessions/{session_id}/run").get_json()
    database.run("UPDATE executions SET status = 'RUNNING', attempts = 1")
    cancel(client.application, UUID(accepted["execution_id"]))
    assert client.post(f"/code-sessions/{session_id}/run").status_code == 409


def test_a_relay_that_holds_the_request_keeps_nobody_waiting(
    client: FlaskClient, database: ExecutionsDatabase
) -> None:
    request = database.add()
    relaying = sqlalchemy.create_engine(database.url)
    with relaying.begin() as connection:
        connection.execute(sqlalchemy.text("SELECT * FROM outbox FOR UPDATE"))
        answer = cancel(client.application, request.execution_id)
        assert answer.get_json()["status"] == "CANCELLED"
    relaying.dispose()


@pytest.mark.parametrize("unknown", [str(UUID(int=7)), UUID(int=7).hex, "17", "%00", "é"])
def test_an_unknown_execution_is_not_cancelled(client: FlaskClient, unknown: str) -> None:
    missing = client.post(f"/executions/{unknown}/cancel")
    assert missing.status_code == 404
    assert missing.content_type == "application/problem+json"


def test_nothing_cancelled_is_left_to_be_sent(
    start_api: StartApi, database: ExecutionsDatabase, sessions: SessionApiStub
) -> None:
    client = start_api(amqp_url=NO_BROKER).app.test_client()
    accepted = client.post(f"/code-sessions/{sessions.add()}/run").get_json()
    assert len(database.outbox()) == 1
    cancel(client.application, UUID(accepted["execution_id"]))
    eventually(lambda: not database.outbox())
