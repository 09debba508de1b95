"""A collector at work brings everything to an end, whatever was taken out of the queues."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import pytest
from pika.adapters.blocking_connection import BlockingChannel
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from execution_api.outbox.relay import OutboxRelay
from result_collector.reconciliation.queue_inspector import QueueInspector
from runlet import messages, topology
from runlet.languages import LANGUAGES
from runlet.messages import CancelRequested, RunRequested
from runlet_amqp import envelopes
from runlet_amqp.errors import BrokerUnavailableError
from runlet_amqp.publisher import Publisher
from runlet_amqp.queue_counter import QueueCounter
from runlet_telemetry.trace_context import trace_id
from support.broker import vhosts
from support.broker.collectors import running_collector
from support.databases import stuck_executions
from support.databases.event_factory import finished
from support.databases.executions import TRACEPARENT, ExecutionsDatabase, run_requested
from support.loops import supervised
from support.wait_until import eventually

SOON: dict[str, Any] = {"reconcile_after_seconds": 5, "reconcile_every_seconds": 1}


def reconciled(outcome: str) -> float:
    """How many executions were reconciled so."""
    value = REGISTRY.get_sample_value("runlet_reconciled_total", {"outcome": outcome})
    return value or 0


@pytest.fixture
def relay(database: ExecutionsDatabase, amqp_url: str) -> Iterator[OutboxRelay]:
    """The execution API's relay, which publishes what the reconciler puts into the outbox."""
    publisher = Publisher(amqp_url, "relay", vhosts.TOPOLOGY)
    engine = database.engine.execution_options(isolation_level="READ COMMITTED")
    with supervised(publisher.loop()):
        assert publisher.wait_until_connected(10)
        yield OutboxRelay(engine, publisher, list(LANGUAGES))


def test_a_purged_request_is_sent_again_and_completes(
    database: ExecutionsDatabase, amqp_url: str, relay: OutboxRelay
) -> None:
    request = database.add()
    stuck_executions.forget_outbox(database, request)
    vhosts.publish(amqp_url, envelopes.run_request(request, None))
    with vhosts.open_channel(amqp_url) as channel:
        channel.queue_purge("runs.python")
    stuck_executions.make_older(database, request, 6)
    before = reconciled("republished")
    with running_collector(database.url, amqp_url, **SOON):
        eventually(lambda: stuck_executions.attempt_in_outbox(database, request))
        eventually(relay.relay_batch)
        [(properties, body)] = vhosts.take(amqp_url, "runs.python", 1)
        assert b'"attempt":1' in body
        assert trace_id(properties.headers["traceparent"]) == trace_id(TRACEPARENT)
        vhosts.publish(amqp_url, envelopes.event(finished(request), None))
        eventually(lambda: database.execution(request.execution_id)["status"] == "COMPLETED")
    assert reconciled("republished") == before + 1


def pass_time(database: ExecutionsDatabase, requests: Sequence[RunRequested]) -> bool:
    """Let time pass and requests disappear; True once all the executions have ended."""
    for request in requests:
        stuck_executions.forget_outbox(database, request)
        stuck_executions.make_older(database, request, 10_000)
    return all(database.execution(request.execution_id)["finished_at"] for request in requests)


def test_with_every_queue_purged_again_and_again_everything_ends(
    database: ExecutionsDatabase, amqp_url: str
) -> None:
    cancelled = stuck_executions.running(database, 10_000)
    stuck_executions.ask_to_cancel(database, cancelled, 10)
    requests = [
        stuck_executions.queued(database, 10_000),
        stuck_executions.running(database, 10_000),
        cancelled,
    ]
    with capture_logs() as logs, running_collector(database.url, amqp_url, **SOON):
        eventually(lambda: pass_time(database, requests))
    ends = [database.execution(request.execution_id) for request in requests]
    assert [row["status"] for row in ends] == ["FAILED", "FAILED", "CANCELLED"]
    assert [row["reason"] for row in ends] == ["lost", "lost", "cancelled"]
    told = [line for line in logs if line["event"] == "execution_reconciled"]
    assert [line["outcome"] for line in told].count("republished") == 6
    assert {line["execution_id"] for line in told} == {str(row["id"]) for row in ends}


def test_requests_that_wait_in_a_queue_are_left_alone(
    database: ExecutionsDatabase, amqp_url: str
) -> None:
    request = stuck_executions.queued(database, 10_000)
    vhosts.publish(amqp_url, envelopes.run_request(request, None))
    lost = stuck_executions.queued(database, 10_000, language="c")
    with running_collector(database.url, amqp_url, **SOON):
        eventually(lambda: stuck_executions.attempt_in_outbox(database, lost))
    assert stuck_executions.attempt_in_outbox(database, request) is None


def test_a_cancellation_is_told_again_until_it_is_answered(
    database: ExecutionsDatabase, amqp_url: str
) -> None:
    request = stuck_executions.running(database, 20)
    stuck_executions.ask_to_cancel(database, request, 10)
    with vhosts.open_channel(amqp_url) as channel:
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(queue, topology.CONTROL)
        with running_collector(database.url, amqp_url, **SOON):
            heard = [eventually(lambda: take(channel, queue)) for _ in range(2)]
    assert {(cancel.execution_id, cancel.attempt) for cancel in heard if cancel} == {
        (request.execution_id, 1)
    }


def take(channel: BlockingChannel, queue: str) -> CancelRequested | None:
    """The next cancellation, if one is there."""
    method, properties, body = channel.basic_get(queue, auto_ack=True)
    if method is None:
        return None
    message = messages.decode(properties.type, body)
    assert isinstance(message, CancelRequested)
    return message


def inspect(amqp_url: str) -> tuple[bool, set[str]]:
    """What a look into the queues shows."""
    with closing(QueueCounter(amqp_url, "test", vhosts.TOPOLOGY)) as counter:
        seen = QueueInspector(counter, ["python", "c"]).inspect()
    return seen.drained, set(seen.idle_languages)


def test_a_look_tells_where_work_waits(amqp_url: str) -> None:
    assert inspect(amqp_url) == (True, {"python", "c"})
    request = run_requested()
    vhosts.publish(amqp_url, envelopes.run_request(request, None))
    assert inspect(amqp_url) == (True, {"c"})


def test_work_in_a_delay_queue_may_be_of_any_language(amqp_url: str) -> None:
    vhosts.publish(amqp_url, envelopes.delayed_run_request(run_requested(), 8, None))
    assert inspect(amqp_url) == (True, set())


def test_events_and_dead_letters_that_wait_are_not_drained(amqp_url: str) -> None:
    request = run_requested()
    vhosts.publish(amqp_url, envelopes.dead_letter(None, b"", None, "why", None))
    assert inspect(amqp_url)[0] is False
    vhosts.take(amqp_url, topology.DEAD_QUEUE, 1)
    vhosts.publish(amqp_url, envelopes.event(finished(request), None))
    assert inspect(amqp_url)[0] is False


def test_a_broker_that_is_away_cannot_be_looked_into() -> None:
    with pytest.raises(BrokerUnavailableError):
        inspect("amqp://nobody:x@127.0.0.1:1/")
