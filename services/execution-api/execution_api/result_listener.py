"""Hearing of ended executions: one connection to the broker for each process of the API."""

import threading

import pika
import structlog
from pika.adapters.blocking_connection import BlockingChannel
from pika.spec import Basic

from execution_api.waiting import Waiters
from runlet.broker import topology
from runlet.broker.connection import CONNECTION_ERRORS, Backoff, connect
from runlet.broker.publisher import Declare

log = structlog.get_logger()

# How soon a stop is seen; messages end the wait at once.
LOOP_SECONDS = 0.25


class ResultListener:
    """Wakes waiters when their execution has finished or was given up.

    Its queue is the process's own and goes with the connection; what is missed while it is away
    is made up for by waking everybody.
    """

    def __init__(self, url: str, name: str, declare: Declare, waiters: Waiters) -> None:
        self._url = url
        self._name = name
        self._declare = declare
        self._waiters = waiters
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to listen, in the background."""
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        backoff = Backoff()
        while not self._stopping.is_set():
            try:
                with connect(self._url, self._name) as connection:
                    self._listen(connection, backoff)
            except CONNECTION_ERRORS as error:
                log.warning("broker_connection_lost", connection=self._name, error=repr(error))
            finally:
                self._waiters.listening = False
                self._waiters.announce_gap()
            self._stopping.wait(backoff.next_delay())

    def _listen(self, connection: pika.BlockingConnection, backoff: Backoff) -> None:
        channel = connection.channel()
        self._declare(channel)
        queue = channel.queue_declare("", exclusive=True, auto_delete=True).method.queue
        channel.queue_bind(queue, topology.RESULTS, topology.FINISHED)
        channel.queue_bind(queue, topology.DEAD_EXCHANGE)
        channel.basic_consume(queue, self._on_message, auto_ack=True)
        self._waiters.listening = True
        self._waiters.announce_gap()
        backoff.reset()
        log.info("broker_connected", connection=self._name)
        while not self._stopping.is_set():
            connection.process_data_events(time_limit=LOOP_SECONDS)

    def _on_message(
        self,
        _channel: BlockingChannel,
        _method: Basic.Deliver,
        properties: pika.BasicProperties,
        _body: bytes,
    ) -> None:
        if properties.correlation_id:
            self._waiters.announce_end(properties.correlation_id)
