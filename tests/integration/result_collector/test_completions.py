"""Whoever waits is told of an end, as it is stored, once it is committed."""

from collections.abc import Iterator
from contextlib import contextmanager

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from runlet import messages, topology
from runlet.execution import CompileResult, Reason, Status
from runlet.messages import ExecutionEnded
from runlet_amqp import declaration, envelopes
from runlet_amqp.connection import connect
from support.broker import vhosts
from support.broker.collectors import running_collector
from support.databases.event_factory import finished, retrying, started
from support.databases.executions import ExecutionsDatabase
from support.wait_until import eventually

TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"


class Listener:
    """Hears what is told of ended executions."""

    def __init__(self, channel: BlockingChannel) -> None:
        self._channel = channel
        self._queue = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(self._queue, topology.ENDED)

    def next(self) -> tuple[ExecutionEnded, str]:
        """The next end that is told, and its traceparent."""
        got = eventually(self._get)
        assert got is not None
        properties, body = got
        message = messages.decode(properties.type, body)
        assert isinstance(message, ExecutionEnded)
        return message, properties.headers["traceparent"]

    def _get(self) -> tuple[pika.BasicProperties, bytes] | None:
        method, properties, body = self._channel.basic_get(self._queue, auto_ack=True)
        return (properties, body) if method else None


@contextmanager
def listening(amqp_url: str) -> Iterator[Listener]:
    """A listener that misses nothing from now on."""
    with connect(amqp_url, "listener") as connection:
        channel = connection.channel()
        declaration.declare(channel, vhosts.TOPOLOGY)
        yield Listener(channel)


@pytest.mark.parametrize(
    "reason", [None, Reason.NONZERO_EXIT, Reason.TIME_LIMIT, Reason.CANCELLED, Reason.LOST], ids=str
)
def test_an_end_is_told_as_it_is_stored(
    database: ExecutionsDatabase, amqp_url: str, reason: Reason | None
) -> None:
    request = database.add()
    event = finished(request, 2, reason, stdout="a\0ü", compile=CompileResult(0, "", "warned", 80))
    with listening(amqp_url) as listener, running_collector(database.url, amqp_url):
        vhosts.publish(
            amqp_url,
            *(envelopes.event(told, None) for told in (started(request), retrying(request))),
            envelopes.event(event, TRACEPARENT),
        )
        ended, traceparent = listener.next()
    row = database.execution(request.execution_id)
    assert TRACE in traceparent
    assert (ended.status, ended.reason, ended.attempts) == (event.status, reason, 2)
    assert ended.result.stdout == row["stdout"] == "a\ufffdü"
    assert ended.result.compile == event.result.compile
    assert ended.limits == request.limits
    assert [vars(note) for note in ended.feedback] == row["feedback"]
    for name in ("session_id", "language", "created_at", "queued_at", "started_at", "finished_at"):
        assert getattr(ended, name) == row[name]


def test_a_request_that_was_given_up_is_told_as_an_end(
    database: ExecutionsDatabase, amqp_url: str
) -> None:
    request = database.add()
    letter = envelopes.dead_letter(
        "run.requested.v1",
        messages.encode(request),
        str(request.execution_id),
        "No sandbox came up.",
        TRACEPARENT,
    )
    with listening(amqp_url) as listener, running_collector(database.url, amqp_url):
        vhosts.publish(amqp_url, letter)
        ended, traceparent = listener.next()
    row = database.execution(request.execution_id)
    assert TRACE in traceparent
    assert (ended.status, ended.reason) == (Status.FAILED, Reason.INFRASTRUCTURE)
    assert (ended.result.stdout, ended.result.stderr) == (row["stdout"], row["stderr"])
    [note] = ended.feedback
    assert note.kind == "platform"
    assert note.message.startswith("No sandbox came up. Run the program again")
    assert row["feedback"] == [vars(note)]
    assert row["detail"] == "No sandbox came up."


def test_an_end_is_told_once_and_what_came_too_late_is_not(
    database: ExecutionsDatabase, amqp_url: str
) -> None:
    first, second = database.add(), database.add()
    told = [finished(first, stdout="first"), finished(first, stdout="late"), finished(second)]
    with listening(amqp_url) as listener, running_collector(database.url, amqp_url):
        vhosts.publish(amqp_url, *(envelopes.event(event, None) for event in told))
        heard = [listener.next()[0] for _ in range(2)]
    assert [ended.execution_id for ended in heard] == [first.execution_id, second.execution_id]
    assert heard[0].result.stdout == "first"


def test_ends_are_told_before_the_collector_stops(
    database: ExecutionsDatabase, amqp_url: str
) -> None:
    requests = [database.add() for _ in range(100)]
    events = [envelopes.event(finished(request), None) for request in requests]
    with listening(amqp_url) as listener:
        vhosts.publish(amqp_url, *events)
        with running_collector(database.url, amqp_url):
            eventually(lambda: database.execution(requests[0].execution_id)["finished_at"])
        stored = [
            request.execution_id
            for request in requests
            if database.execution(request.execution_id)["finished_at"]
        ]
        assert [listener.next()[0].execution_id for _ in stored] == stored
