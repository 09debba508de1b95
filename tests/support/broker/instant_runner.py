"""A stand-in for the runners: it runs nothing, and every execution ends as soon as it is queued."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.spec import Basic

from runlet import messages, topology
from runlet.execution import Reason
from runlet.languages import LANGUAGES
from runlet.messages import RunRequested
from runlet_amqp import envelopes
from support.broker import vhosts
from support.databases.event_factory import finished, printed, started

ENDS = (None, Reason.NONZERO_EXIT, Reason.TIME_LIMIT, Reason.COMPILE_ERROR, Reason.MEMORY_LIMIT)
LOOK_SECONDS = 0.1


@contextmanager
def running_instant_runner(amqp_url: str) -> Iterator[None]:
    """Executions end one after the other in each way of ENDS until the block is left."""
    stop = threading.Event()
    thread = threading.Thread(target=_serve, args=(amqp_url, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _serve(amqp_url: str, stop: threading.Event) -> None:
    ends = cycle(ENDS)

    def end(
        channel: BlockingChannel,
        method: Basic.Deliver,
        properties: pika.BasicProperties,
        body: bytes,
    ) -> None:
        request = messages.decode(properties.type, body)
        assert isinstance(request, RunRequested)
        _tell(channel, request, next(ends))
        channel.basic_ack(method.delivery_tag)

    with vhosts.open_channel(amqp_url) as channel:
        for language in LANGUAGES:
            channel.basic_consume(topology.run_queue(language), end)
        while not stop.is_set():
            channel.connection.process_data_events(LOOK_SECONDS)


def _tell(channel: BlockingChannel, request: RunRequested, reason: Reason | None) -> None:
    attempt = request.attempt
    for message in (
        envelopes.event(started(request, attempt), None),
        envelopes.output(printed(request, "42\n", attempt=attempt), None),
        envelopes.event(finished(request, attempt, reason, stdout="42\n", stderr=""), None),
    ):
        channel.basic_publish(
            message.exchange, message.routing_key, message.body, message.properties()
        )
