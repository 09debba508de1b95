import threading
from typing import Any

import pytest
from pika.exceptions import ConnectionWrongStateError

from runlet_amqp import event_loop_connection
from runlet_amqp.declaration import Topology
from runlet_amqp.errors import BrokerUnavailableError
from runlet_amqp.event_loop_connection import EventLoopConnection


class LostConnection:
    """A connection that the broker has closed before it was used."""

    is_open = False

    def __init__(self) -> None:
        self.ioloop = self
        self.has_closed = False

    def add_on_close_callback(self, _callback: object) -> None:
        pass

    def channel(self, **_named: object) -> None:
        raise ConnectionWrongStateError("closed")

    def close(self) -> None:
        self.has_closed = True


def test_a_connection_that_is_lost_at_once_is_an_outage_and_leaves_nothing_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lost = LostConnection()
    monkeypatch.setattr(event_loop_connection, "open_first", lambda *_all: lost)
    context: Any = threading.Event()
    connection = EventLoopConnection("amqp://x/", "test", Topology(), context, lambda: None)

    with pytest.raises(BrokerUnavailableError):
        connection.run(lambda _channel: None)

    assert lost.has_closed
