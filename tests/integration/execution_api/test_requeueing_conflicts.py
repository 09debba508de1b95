"""Requeueing is refused where it may not be, however many try at once."""

from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from runlet.messages import RunRequested
from support.broker import vhosts
from support.databases.executions import ExecutionsDatabase, run_requested
from support.http.session_api_stub import SessionApiStub
from support.parallel import at_once


def requeue(app: Flask, letter_id: UUID) -> TestResponse:
    """Requeue a dead letter."""
    return app.test_client().post(f"/dead-letters/{letter_id}/requeue")


def test_two_requeues_at_once_queue_it_once(
    client: FlaskClient,
    database: ExecutionsDatabase,
    failed: RunRequested,
    letter_id: UUID,
    amqp_url: str,
) -> None:
    answers = at_once(8, lambda: requeue(client.application, letter_id))
    assert sorted(answer.status_code for answer in answers) == [202] + [404] * 7
    [(properties, _body)] = vhosts.take(amqp_url, "runs.python", 1)
    assert properties.correlation_id == str(failed.execution_id)
    assert vhosts.depth(amqp_url, "runs.python") == 0


def test_two_letters_of_one_execution_queue_it_once(
    client: FlaskClient,
    database: ExecutionsDatabase,
    failed: RunRequested,
    letter_id: UUID,
    amqp_url: str,
) -> None:
    letters = iter([letter_id, database.add_dead_letter(failed.execution_id)])
    answers = at_once(2, lambda: requeue(client.application, next(letters)))
    assert sorted(answer.status_code for answer in answers) == [202, 409]
    assert database.events(failed.execution_id).count(("requeued", 5)) == 1


def test_two_executions_of_one_session_are_not_requeued_at_once(
    client: FlaskClient, database: ExecutionsDatabase
) -> None:
    session_id = uuid4()
    requests = [database.add_failed(run_requested(session_id)) for _ in range(4)]
    letters = iter([database.add_dead_letter(request.execution_id) for request in requests])
    answers = at_once(4, lambda: requeue(client.application, next(letters)))
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409]
    [accepted] = [answer.get_json() for answer in answers if answer.status_code == 202]
    refused = [answer.get_json() for answer in answers if answer.status_code == 409]
    assert {answer["execution_id"] for answer in refused} == {accepted["execution_id"]}
    assert {answer["status"] for answer in refused} == {"QUEUED"}
    assert len(database.dead_letters()) == 3


def test_a_run_and_a_requeue_at_once_leave_one_active_execution(
    client: FlaskClient, database: ExecutionsDatabase, sessions: SessionApiStub
) -> None:
    session_id = sessions.add()
    for _ in range(5):
        failed = database.add_failed(run_requested(session_id))
        letter_id = database.add_dead_letter(failed.execution_id)
        paths = iter([f"/code-sessions/{session_id}/run", f"/dead-letters/{letter_id}/requeue"] * 2)
        answers = at_once(4, lambda: client.application.test_client().post(next(paths)))  # noqa: B023
        codes = [answer.status_code for answer in answers]
        assert codes.count(202) == 1
        assert set(codes) <= {202, 404, 409}
        database.run("UPDATE executions SET status = 'COMPLETED' WHERE status = 'QUEUED'")


def test_a_session_that_runs_something_else_refuses_and_names_it(
    client: FlaskClient, database: ExecutionsDatabase, failed: RunRequested, letter_id: UUID
) -> None:
    active = database.add(run_requested(failed.session_id))
    refused = requeue(client.application, letter_id)
    problem = refused.get_json()
    assert (refused.status_code, problem["status"]) == (409, "QUEUED")
    assert problem["execution_id"] == str(active.execution_id)
    assert (
        problem["error"]
        == "This session has an execution that is still QUEUED. Wait for it to end."
    )
    assert len(database.dead_letters()) == 1


def test_after_a_requeue_the_session_runs_nothing_else(
    client: FlaskClient, database: ExecutionsDatabase, sessions: SessionApiStub
) -> None:
    session_id = sessions.add()
    failed = database.add_failed(run_requested(session_id))
    requeue(client.application, database.add_dead_letter(failed.execution_id))
    refused = client.post(f"/code-sessions/{session_id}/run")
    assert refused.status_code == 409
    assert refused.get_json()["execution_id"] == str(failed.execution_id)


@pytest.mark.parametrize(
    ("status", "reason", "state"),
    [
        ("QUEUED", None, "QUEUED"),
        ("RUNNING", None, "RUNNING"),
        ("COMPLETED", None, "COMPLETED"),
        ("FAILED", "lost", "FAILED with lost"),
        ("FAILED", "nonzero_exit", "FAILED with nonzero_exit"),
        ("CANCELLED", "cancelled", "CANCELLED with cancelled"),
    ],
)
def test_only_what_the_platform_failed_is_requeued(
    client: FlaskClient,
    database: ExecutionsDatabase,
    failed: RunRequested,
    letter_id: UUID,
    status: str,
    reason: str | None,
    state: str,
) -> None:
    database.run(
        "UPDATE executions SET status = :status, reason = :reason", status=status, reason=reason
    )
    before = database.execution(failed.execution_id)

    refused = requeue(client.application, letter_id)

    problem = refused.get_json()
    assert (refused.status_code, problem["status"]) == (409, status)
    assert problem["execution_id"] == str(failed.execution_id)
    assert f"is {state}." in problem["error"]
    assert database.execution(failed.execution_id) == before
    assert len(database.dead_letters()) == 1
    assert not database.outbox()


def test_a_letter_without_an_execution_can_only_be_deleted(
    client: FlaskClient, database: ExecutionsDatabase
) -> None:
    letter_id = database.add_dead_letter(None)
    refused = requeue(client.application, letter_id)
    assert refused.status_code == 409
    assert "can only be deleted" in refused.get_json()["error"]
    assert client.delete(f"/dead-letters/{letter_id}").status_code == 204


def test_a_letter_whose_execution_was_removed_is_refused(
    client: FlaskClient, database: ExecutionsDatabase
) -> None:
    refused = requeue(client.application, database.add_dead_letter(uuid4()))
    assert refused.status_code == 409
    assert "not there any more" in refused.get_json()["error"]
