"""Callbacks whose message was lost, or whose sender died: the rows bring them back."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from result_collector.callbacks import delivery_result, statements
from result_collector.callbacks.sender import Attempt
from result_collector.callbacks.store import CallbackStore, Recovered
from result_collector.reconciliation.repository import Reconciliation
from runlet import messages, topology
from runlet.clock import SystemClock
from runlet.execution import Reason
from runlet.messages import CallbackRequested, RunRequested
from runlet_amqp import declaration, envelopes
from runlet_amqp.connection import connect
from support.broker import vhosts
from support.databases import stuck_executions
from support.databases.event_factory import finished, started
from support.databases.executions import TRACEPARENT, ExecutionsDatabase
from support.databases.stores import delivery, store, store_deliveries
from support.http.callback_scenes import Scene
from support.http.receivers import CallbackReceiver
from support.parallel import at_once
from support.wait_until import eventually

NOW = timedelta(0)
URL = "http://h/"
MOST = 3


@pytest.fixture
def callbacks(database: ExecutionsDatabase) -> CallbackStore:
    """What the collector notes callbacks with."""
    return CallbackStore(database.engine, SystemClock())


@pytest.fixture
def scene(database: ExecutionsDatabase, amqp_url: str) -> Iterator[Scene]:
    """A receiver, a database and a broker."""
    receiver = CallbackReceiver()
    yield Scene(database, amqp_url, receiver)
    receiver.close()


def ended(database: ExecutionsDatabase, url: str = URL) -> RunRequested:
    """An execution that is over, whose callback nobody has been told to send."""
    request = database.ask_for_callback(database.add(), url)
    store(database, finished(request))
    return request


def let_leases_end(database: ExecutionsDatabase) -> None:
    """Let everything be due."""
    database.run("UPDATE callbacks SET due_at = now() - interval '1 hour'")


def begin(callbacks: CallbackStore, request: RunRequested, number: int = 1) -> Attempt:
    """Begin an attempt that can be begun."""
    attempt = callbacks.begin(request.execution_id, number)
    assert attempt is not None
    return attempt


def test_a_purged_queue_loses_no_callback(scene: Scene) -> None:
    requests = [scene.add() for _ in range(5)]
    with scene.collector(callback_allowed_hosts="", callback_secret=""):
        scene.end(*requests)
        scene.wait_for("PENDING", *requests)
    with connect(scene.amqp_url, "test") as connection:
        connection.channel().queue_purge(topology.CALLBACKS_QUEUE)
    with scene.collector(quiet_seconds=0):
        scene.wait_for("DELIVERED", *requests)
    called = {call.headers["X-Runlet-Execution"] for call in scene.receiver.calls}
    assert called == {str(request.execution_id) for request in requests}


def test_an_end_that_was_stored_and_never_published_is_told(scene: Scene) -> None:
    request = ended(scene.database, scene.url)
    with scene.collector(quiet_seconds=0):
        scene.wait_for("DELIVERED", request)


def test_queues_that_were_deleted_are_put_back(scene: Scene) -> None:
    with scene.collector(quiet_seconds=0):
        with connect(scene.amqp_url, "test") as connection:
            channel = connection.channel()
            declaration.declare(channel, vhosts.TOPOLOGY)
            channel.queue_delete(topology.CALLBACKS_QUEUE)
        request = scene.add()
        scene.end(request)
        # Whether this collector heard of the deletion before the queue was back is the broker's.
        eventually(lambda: scene.status(request.execution_id) in ("PENDING", "DELIVERED"))
    with scene.collector(quiet_seconds=0):
        scene.wait_for("DELIVERED", request)


def test_a_sender_that_died_is_followed_by_another_attempt(
    scene: Scene, callbacks: CallbackStore
) -> None:
    request = ended(scene.database, scene.url)
    begin(callbacks, request)
    let_leases_end(scene.database)
    with scene.collector(quiet_seconds=0):
        scene.wait_for("DELIVERED", request)
    attempts = scene.database.callback_attempts(request.execution_id)
    assert attempts == [(1, None, statements.INTERRUPTED), (2, 204, None)]
    assert scene.database.events(request.execution_id)[-2:] == [
        ("callback_failed", 1),
        ("callback_delivered", 2),
    ]


def test_a_message_that_comes_again_after_the_sender_died_starts_nothing(
    database: ExecutionsDatabase, callbacks: CallbackStore
) -> None:
    request = ended(database)
    begin(callbacks, request)
    assert callbacks.begin(request.execution_id, 1) is None
    assert callbacks.find_failure(request.execution_id, 1) is None


def test_of_many_who_begin_an_attempt_one_may(
    database: ExecutionsDatabase, callbacks: CallbackStore
) -> None:
    request = ended(database)
    begun = at_once(8, lambda: callbacks.begin(request.execution_id, 1))
    assert len([attempt for attempt in begun if attempt is not None]) == 1


def test_a_sender_that_dies_every_time_is_given_up(
    database: ExecutionsDatabase, callbacks: CallbackStore
) -> None:
    request = ended(database)
    for number in range(1, MOST):
        begin(callbacks, request, number)
        let_leases_end(database)
        assert callbacks.recover(NOW, MOST, 10) == [
            Recovered(request.execution_id, number, number + 1, TRACEPARENT)
        ]
    begin(callbacks, request, MOST)
    let_leases_end(database)
    given_up = Recovered(request.execution_id, MOST, None, TRACEPARENT)
    assert callbacks.recover(NOW, MOST, 10) == [given_up]
    assert callbacks.find_failure(request.execution_id, MOST) == statements.INTERRUPTED
    assert callbacks.recover(NOW, MOST, 10) == []


def test_what_was_given_up_by_the_sweep_lies_with_the_dead(
    scene: Scene, callbacks: CallbackStore
) -> None:
    request = ended(scene.database, scene.url)
    for number in range(1, MOST + 1):
        begin(callbacks, request, number)
    let_leases_end(scene.database)
    with scene.collector(quiet_seconds=0):
        [(properties, _)] = vhosts.take(scene.amqp_url, topology.CALLBACKS_DEAD_QUEUE, 1)
    assert properties.headers[topology.REASON_HEADER] == statements.INTERRUPTED
    assert scene.receiver.calls == []


def test_a_crash_between_giving_up_and_burying_is_made_good(
    scene: Scene, callbacks: CallbackStore
) -> None:
    request = ended(scene.database, scene.url)
    callbacks.conclude(begin(callbacks, request), delivery_result.no_answer("Nobody there."), None)
    again = envelopes.callback(CallbackRequested(request.execution_id), None)
    vhosts.publish(scene.amqp_url, again)
    with scene.collector():
        [(properties, _)] = vhosts.take(scene.amqp_url, topology.CALLBACKS_DEAD_QUEUE, 1)
    assert properties.headers[topology.REASON_HEADER] == "Nobody there."


def test_what_is_being_sent_or_waits_for_its_time_is_not_forgotten(
    database: ExecutionsDatabase, callbacks: CallbackStore
) -> None:
    being_sent, waiting = ended(database), ended(database)
    begin(callbacks, being_sent)
    callbacks.conclude(begin(callbacks, waiting), delivery_result.no_answer("Later."), 60)
    assert callbacks.recover(NOW, MOST, 10) == []


def test_side_by_side_each_forgotten_callback_is_found_once(
    database: ExecutionsDatabase, callbacks: CallbackStore
) -> None:
    requests = [ended(database) for _ in range(20)]
    let_leases_end(database)
    patience = timedelta(minutes=10)
    found = at_once(4, lambda: callbacks.recover(patience, MOST, 100))
    ids = [recovered.execution_id for batch in found for recovered in batch]
    assert sorted(ids) == sorted(request.execution_id for request in requests)


def test_no_more_are_found_than_there_is_room_for(
    database: ExecutionsDatabase, callbacks: CallbackStore
) -> None:
    for _ in range(5):
        ended(database)
    let_leases_end(database)
    assert len(callbacks.recover(NOW, MOST, 2)) == 2


def test_a_late_outcome_counts_while_nothing_newer_is_known(
    database: ExecutionsDatabase, callbacks: CallbackStore
) -> None:
    request = ended(database)
    attempt = begin(callbacks, request)
    let_leases_end(database)
    callbacks.recover(NOW, MOST, 10)
    assert callbacks.conclude(attempt, delivery_result.from_status(200), None)
    assert callbacks.begin(request.execution_id, 2) is None
    assert database.callback_attempts(request.execution_id) == [(1, 200, None)]


def test_an_attempt_that_told_an_earlier_end_does_not_count_for_the_latest(
    database: ExecutionsDatabase, callbacks: CallbackStore
) -> None:
    request = ended(database)
    attempt = begin(callbacks, request)
    database.run("UPDATE executions SET status = 'QUEUED'")
    store(database, finished(request, attempt=2))
    assert not callbacks.conclude(attempt, delivery_result.from_status(200), None)
    following = begin(callbacks, request, 2)
    assert following.first == 2
    assert following.row["attempts"] == 2


def test_a_requeued_execution_is_not_told_before_it_is_over_again(
    database: ExecutionsDatabase, callbacks: CallbackStore
) -> None:
    request = ended(database)
    database.run("UPDATE executions SET status = 'QUEUED'")
    let_leases_end(database)
    assert callbacks.begin(request.execution_id, 1) is None
    assert callbacks.recover(NOW, MOST, 10) == []


def test_an_execution_that_was_removed_meanwhile_is_no_error(
    database: ExecutionsDatabase, callbacks: CallbackStore
) -> None:
    request = ended(database)
    attempt = begin(callbacks, request)
    database.run("DELETE FROM executions")
    assert not callbacks.conclude(attempt, delivery_result.from_status(200), None)
    assert callbacks.begin(uuid4(), 1) is None


def asked_for(database: ExecutionsDatabase, execution_id: UUID) -> bool:
    """Whether there is a callback that waits."""
    row = database.callback(execution_id)
    return row is not None and row["status"] == "PENDING" and row["url"] == URL


def test_a_dead_lettered_execution_is_told(database: ExecutionsDatabase) -> None:
    request = database.ask_for_callback(database.add(), URL)
    body = messages.encode(request)
    letter = delivery("run.requested.v1", body, queue=topology.DEAD_QUEUE)
    [stored] = store_deliveries(database, letter)
    assert stored.ended is not None
    assert stored.ended["callback_attempt"] == 1
    assert asked_for(database, request.execution_id)


@pytest.mark.parametrize("cancelled", [False, True], ids=["lost", "cancelled"])
def test_what_the_reconciler_ends_is_told(database: ExecutionsDatabase, cancelled: bool) -> None:
    request = database.ask_for_callback(stuck_executions.queued(database, 10_000), URL)
    if cancelled:
        stuck_executions.ask_to_cancel(database, request, 50)
    engine = database.engine.execution_options(isolation_level="READ COMMITTED")
    reconciliation = Reconciliation(engine, timedelta(seconds=60), ["java"])
    [reconciled] = reconciliation.settle_batch(["python"], [])
    assert reconciled.row["callback_attempt"] == 1
    assert asked_for(database, request.execution_id)


def test_what_is_not_over_is_not_told(database: ExecutionsDatabase) -> None:
    request = database.ask_for_callback(database.add(), URL)
    store(database, started(request))
    assert database.callback(request.execution_id) is None


def test_an_end_that_comes_too_late_asks_for_nothing(
    database: ExecutionsDatabase, callbacks: CallbackStore
) -> None:
    request = ended(database)
    callbacks.conclude(begin(callbacks, request), delivery_result.from_status(200), None)
    store(database, finished(request), finished(request, reason=Reason.SIGNAL))
    row = database.callback(request.execution_id)
    assert row is not None
    assert row["status"] == "DELIVERED"
