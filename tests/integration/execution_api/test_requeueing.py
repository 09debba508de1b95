"""POST /dead-letters/{id}/requeue gives an execution another chance, and only where it may."""

from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from execution_api import bootstrap
from execution_api.bootstrap import Api
from execution_api.config import RelayConfig
from runlet import messages, topology
from runlet.messages import RunRequested
from runlet_amqp import envelopes
from support.broker import vhosts
from support.broker.collectors import running_collector
from support.databases.event_factory import finished, started
from support.databases.executions import ExecutionsDatabase
from support.databases.stores import delivery, store_deliveries
from support.wait_until import eventually

StartApi = Callable[..., Api]

CLEARED = (
    "reason",
    "detail",
    "stdout",
    "exit_code",
    "compile",
    "started_at",
    "finished_at",
    "cancel_requested_at",
)
LOOP_NOTE = {"kind": "loop", "line": 1, "message": "This loop may not end."}
NO_BROKER = "amqp://guest:guest@127.0.0.1:1/"


def taken(amqp_url: str) -> RunRequested:
    """The next request a runner for Python would get."""
    [(properties, body)] = vhosts.take(amqp_url, "runs.python", 1)
    request = messages.decode(properties.type, body)
    assert isinstance(request, RunRequested)
    return request


def requeue(app: Flask, letter_id: UUID) -> TestResponse:
    """Requeue a dead letter."""
    return app.test_client().post(f"/dead-letters/{letter_id}/requeue")


@pytest.fixture
def deaf_app(start_api: StartApi) -> Flask:
    """An API that has no broker."""
    return start_api(amqp_url=NO_BROKER).app


@pytest.fixture
def relay_once(database: ExecutionsDatabase, amqp_url: str) -> Iterator[Callable[[], int]]:
    """Lets a relay publish what is in the outbox, however fresh."""
    config = RelayConfig(database_url=database.url, amqp_url=amqp_url)
    process = bootstrap.create_relay(config, ops_port=0)
    process.supervisor.start(process.publisher.loop())
    assert process.publisher.wait_until_connected(120)

    def relay() -> int:
        database.run("UPDATE outbox SET created_at = created_at - interval '1 minute'")
        return process.relay.relay_batch()

    yield relay
    process.supervisor.stop_all()


def test_a_requeued_execution_is_queued_and_as_if_it_had_never_ended(
    client: FlaskClient, database: ExecutionsDatabase, failed: RunRequested, letter_id: UUID
) -> None:
    answer = client.post(f"/api/v1/dead-letters/{letter_id}/requeue")

    assert answer.status_code == 202
    assert answer.get_json() == {"execution_id": str(failed.execution_id), "status": "QUEUED"}
    assert answer.headers["Location"] == f"/api/v1/executions/{failed.execution_id}"
    execution = database.execution(failed.execution_id)
    assert (execution["status"], execution["attempts"]) == ("QUEUED", 4)
    assert execution["queued_at"] > failed.queued_at == execution["created_at"]
    assert {execution[name] for name in CLEARED} == {None}
    assert database.events(failed.execution_id) == [("queued", 1), ("requeued", 5)]
    assert not database.dead_letters()


def test_its_request_is_on_its_way_as_the_next_attempt(
    client: FlaskClient,
    database: ExecutionsDatabase,
    failed: RunRequested,
    letter_id: UUID,
    amqp_url: str,
) -> None:
    requeue(client.application, letter_id)

    request = taken(amqp_url)

    assert (request.execution_id, request.attempt) == (failed.execution_id, 5)
    assert (request.source_code, request.limits) == (failed.source_code, failed.limits)
    assert request.queued_at == database.execution(failed.execution_id)["queued_at"]
    eventually(lambda: not database.outbox())
    assert vhosts.depth(amqp_url, "runs.python") == 0


def test_an_attempt_that_only_the_letter_knows_of_is_not_repeated(
    client: FlaskClient, database: ExecutionsDatabase, amqp_url: str
) -> None:
    never_started = database.add_failed(attempts=0)
    letter_id = database.add_dead_letter(never_started.execution_id, attempts=1)
    requeue(client.application, letter_id)
    assert taken(amqp_url).attempt == 2
    assert database.execution(never_started.execution_id)["attempts"] == 1


def test_without_a_broker_the_relay_sends_it_later(
    deaf_app: Flask,
    database: ExecutionsDatabase,
    failed: RunRequested,
    letter_id: UUID,
    relay_once: Callable[[], int],
    amqp_url: str,
) -> None:
    assert requeue(deaf_app, letter_id).status_code == 202
    assert database.outbox() == {failed.execution_id}

    assert relay_once() == 1

    assert taken(amqp_url).attempt == 5
    assert not database.outbox()


def test_an_outbox_row_that_was_left_over_gives_way(
    deaf_app: Flask,
    database: ExecutionsDatabase,
    failed: RunRequested,
    letter_id: UUID,
    relay_once: Callable[[], int],
    amqp_url: str,
) -> None:
    database.run("INSERT INTO outbox (execution_id) VALUES (:id)", id=failed.execution_id)
    assert requeue(deaf_app, letter_id).status_code == 202
    assert relay_once() == 1
    assert taken(amqp_url).attempt == 5


def test_the_relay_drops_a_request_whose_attempt_has_begun(
    deaf_app: Flask,
    database: ExecutionsDatabase,
    letter_id: UUID,
    relay_once: Callable[[], int],
    amqp_url: str,
) -> None:
    requeue(deaf_app, letter_id)
    database.run("UPDATE executions SET attempts = 5")
    assert relay_once() == 1
    assert not database.outbox()
    assert vhosts.depth(amqp_url, "runs.python") == 0


def test_a_requeued_execution_completes_and_late_news_of_earlier_attempts_change_nothing(
    client: FlaskClient,
    database: ExecutionsDatabase,
    failed: RunRequested,
    letter_id: UUID,
    amqp_url: str,
) -> None:
    assert requeue(client.application, letter_id).status_code == 202
    assert taken(amqp_url).attempt == 5
    with running_collector(database.url, amqp_url):
        vhosts.publish(
            amqp_url,
            envelopes.event(started(failed, 4), None),
            envelopes.event(finished(failed, 3, stdout="stale"), None),
            envelopes.event(started(failed, 5), None),
            envelopes.event(finished(failed, 5, stdout="mended"), None),
        )
        answer = client.get(f"/executions/{failed.execution_id}?wait=20").get_json()
    assert (answer["status"], answer["stdout"], answer["attempts"]) == ("COMPLETED", "mended", 5)
    assert answer["feedback"] == [LOOP_NOTE]


def test_what_failed_says_why_until_it_is_requeued(
    client: FlaskClient, database: ExecutionsDatabase, failed: RunRequested, letter_id: UUID
) -> None:
    shown = client.get(f"/executions/{failed.execution_id}").get_json()["feedback"]
    assert shown == [LOOP_NOTE, {"kind": "platform", "line": None, "message": "Broken."}]
    requeue(client.application, letter_id)
    assert database.execution(failed.execution_id)["feedback"] == [LOOP_NOTE]


def test_an_attempt_that_was_sent_out_but_never_seen_is_not_repeated(
    client: FlaskClient, database: ExecutionsDatabase, failed: RunRequested, letter_id: UUID
) -> None:
    database.run(
        "INSERT INTO execution_events (execution_id, type, at, attempt) "
        "VALUES (:id, 'republished', now(), 7)",
        id=failed.execution_id,
    )
    requeue(client.application, letter_id)
    assert database.events(failed.execution_id)[-1] == ("requeued", 8)
    assert database.execution(failed.execution_id)["attempts"] == 7


def test_a_letter_that_is_delivered_once_more_does_not_fail_it_again(
    client: FlaskClient, database: ExecutionsDatabase
) -> None:
    request = database.add()
    letter = delivery(
        "run.requested.v1",
        messages.encode(request),
        str(request.execution_id),
        queue=topology.DEAD_QUEUE,
        **{topology.REASON_HEADER: "The sandbox did not start."},
    )
    store_deliveries(database, letter)
    [kept] = database.dead_letters()
    assert requeue(client.application, kept["id"]).status_code == 202

    store_deliveries(database, letter)

    assert database.execution(request.execution_id)["status"] == "QUEUED"
    assert database.events(request.execution_id)[-1] == ("requeued", 2)
