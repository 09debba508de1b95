"""One connection driven by events, with one channel: for what goes both ways all the time."""

from collections.abc import Callable

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.channel import Channel
from pika.exceptions import AMQPError, ConnectionClosedByClient

from runlet_amqp.connection import connect, connect_driven_by_events
from runlet_amqp.settings import BrokerSettings

Declare = Callable[[BlockingChannel], None]


class Line:
    """A connection and its channel, for the thread that calls `serve`; others may call `soon`.

    `declare` has been called when it is made, over a connection that declarations may block.
    Raises one of CONNECTION_ERRORS when that fails.
    """

    def __init__(self, broker: BrokerSettings | str, name: str, declare: Declare) -> None:
        with connect(broker, name) as connection:
            declare(connection.channel())
        self._connection = connect_driven_by_events(broker, name)
        self._failure: BaseException | None = None

    def serve(self, use: Callable[[Channel], None]) -> None:
        """Hand the open channel to `use`, and serve the line until it ends.

        Raises one of CONNECTION_ERRORS unless it was ended by `close`.
        """
        connection = self._connection
        connection.add_on_close_callback(self._note_end)

        def open_channel(channel: Channel) -> None:
            channel.add_on_close_callback(lambda _channel, reason: self.fail(reason))
            use(channel)

        connection.channel(on_open_callback=open_channel)
        try:
            connection.ioloop.start()
        finally:
            connection.ioloop.close()
        if self._failure is not None:
            raise self._failure

    def soon(self, callback: Callable[[], None]) -> None:
        """Have the serving thread call this, after what it was asked before."""
        self._connection.ioloop.add_callback_threadsafe(callback)

    def later(self, seconds: float, callback: Callable[[], None]) -> None:
        """Call this in a while, if the line stands then."""
        self._connection.ioloop.call_later(seconds, callback)

    def close(self) -> None:
        """End the line once all that was sent before has left."""
        if self._connection.is_open:
            self._connection.close()

    def fail(self, reason: BaseException) -> None:
        """End a line that is of no use any more, for `reason`."""
        if self._connection.is_open:
            self._failure = reason
            self._connection.close()

    def _note_end(self, _connection: pika.SelectConnection, reason: BaseException) -> None:
        if self._failure is None and not isinstance(reason, ConnectionClosedByClient):
            self._failure = reason
        self._connection.ioloop.stop()


def cancelled(name: str) -> AMQPError:
    """Why a line is of no use whose queue was deleted: nothing would ever come by it again."""
    return AMQPError(f"The broker has cancelled what {name} consumes: a queue was deleted.")


def noted(_answer: object) -> None:
    """What is asked next waits for the answer to this, which holds nothing of interest."""
