"""The connection that sends a message in one piece is used where it fits the installed pika."""

import pika
import pytest

from runlet_amqp import coalescing_connection
from runlet_amqp.coalescing_connection import CoalescingConnection, connection_class


def test_it_is_used_with_the_pika_it_was_measured_with() -> None:
    """With another, measure again as its module says, and name the version there."""
    assert pika.__version__ == coalescing_connection.PIKA_VERSION
    assert connection_class() is CoalescingConnection


def test_where_a_private_part_is_missing_pikas_own_connection_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as other_pika:
        other_pika.delattr(coalescing_connection._PLAIN_TRANSPORT, "_on_socket_writable")
        assert connection_class() is pika.SelectConnection
    monkeypatch.setattr(coalescing_connection, "_PLAIN_TRANSPORT", None)
    assert connection_class() is pika.SelectConnection
