import socket
from collections.abc import Iterator

import pytest

from execution_api.streaming import reader_connection
from support.wait_until import eventually


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Our end and the reader's end of a TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        reader = socket.create_connection(listener.getsockname())
        ours, _address = listener.accept()
    with reader, ours:
        yield ours, reader


Ends = tuple[socket.socket, socket.socket]


def test_a_silent_reader_is_there(ends: Ends) -> None:
    assert not reader_connection.is_gone(ends[0])


def test_a_reader_that_sends_something_more_is_there_and_nothing_of_it_is_lost(ends: Ends) -> None:
    ours, reader = ends
    reader.sendall(b"GET /")
    assert not reader_connection.is_gone(ours)
    assert ours.recv(5) == b"GET /"


def test_a_reader_that_hung_up_is_gone(ends: Ends) -> None:
    ours, reader = ends
    reader.close()
    assert eventually(lambda: reader_connection.is_gone(ours))


def test_a_reader_whose_connection_was_reset_is_gone(ends: Ends) -> None:
    ours, reader = ends
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    reader.close()
    assert eventually(lambda: reader_connection.is_gone(ours))


def test_of_a_server_that_does_not_lend_its_socket_nothing_is_known() -> None:
    connection = reader_connection.connection_of({})
    reader_connection.give_up_when_stalled(connection)
    assert not reader_connection.is_gone(connection)


@pytest.mark.parametrize("server", ["gunicorn", "werkzeug"])
def test_what_a_reader_does_not_take_is_given_up_by_the_kernel(ends: Ends, server: str) -> None:
    connection = reader_connection.connection_of({f"{server}.socket": ends[0]})
    reader_connection.give_up_when_stalled(connection)
    patience = ends[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    assert patience == reader_connection.STALLED_MS
