"""Which of several addresses is tried, when some do not resolve or do not answer."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import count

import pika
import pytest

from runlet_amqp import connection
from runlet_amqp.connection import open_first
from runlet_amqp.errors import BrokerUnavailableError

BOTH = "amqp://u:p@frozen/x,amqp://u:p@well/x"


@pytest.fixture
def released() -> Iterator[threading.Event]:
    """Lets lookups go on that wait."""
    released = threading.Event()
    yield released
    released.set()


def open_well(parameters: pika.URLParameters) -> str:
    if parameters.host == "frozen":
        raise BrokerUnavailableError("It does not answer.")
    return str(parameters.host)


def test_a_node_that_does_not_answer_takes_no_time_from_the_lookup_of_the_others(
    monkeypatch: pytest.MonkeyPatch, released: threading.Event
) -> None:
    """The second name is found only after the first address has taken more than all the time."""
    monkeypatch.setattr(connection, "RESOLVE_SECONDS", 30)
    clock = count(0.0, 0.0)
    passed = 0.0

    def open_slowly(parameters: pika.URLParameters) -> str:
        nonlocal passed
        passed += 1000.0
        released.set()
        return open_well(parameters)

    monkeypatch.setattr(time, "monotonic", lambda: passed + next(clock))
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, _port: host == "frozen" or released.wait(60)
    )

    assert open_first(BOTH, "test", open_slowly) == "well"


def test_an_address_whose_name_is_unknown_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(host: str, _port: int) -> None:
        if host == "frozen":
            raise socket.gaierror("unknown")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    tried: list[str] = []

    def note(parameters: pika.URLParameters) -> str:
        tried.append(str(parameters.host))
        return open_well(parameters)

    for _ in range(10):
        assert open_first(BOTH, "test", note) == "well"
    assert set(tried) == {"well"}


def test_where_no_name_is_known_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(_host: str, _port: int) -> None:
        raise socket.gaierror("unknown")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(BrokerUnavailableError, match="No address in AMQP_URL can be resolved"):
        open_first(BOTH, "test", open_well)


ENDS_WHILE_A_NAME_IS_LOOKED_UP = """
import socket, sys, threading
sys.path[:0] = sys.argv[1:]
from runlet_amqp import connection
connection.RESOLVE_SECONDS = 0
socket.getaddrinfo = lambda *_: threading.Event().wait()
try:
    connection.connect("amqp://u:p@silent/x", "test")
except connection.BrokerUnavailableError:
    print("unavailable")
"""


def test_a_process_ends_while_a_name_is_still_looked_up() -> None:
    command = [sys.executable, "-c", ENDS_WHILE_A_NAME_IS_LOOKED_UP, *sys.path]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout == "unavailable\n"
