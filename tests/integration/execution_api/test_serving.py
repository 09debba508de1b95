"""The worker that serves the APIs: who takes a connection answers it."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection

import psutil
import pytest

from support.databases.executions import ExecutionsDatabase
from support.deployments.gunicorns import Replica, running_replica
from support.http.session_api_stub import SessionApiStub
from support.wait_until import eventually

THREADS = 4


@pytest.fixture
def replica(
    database: ExecutionsDatabase, amqp_url: str, sessions: SessionApiStub
) -> Iterator[Replica]:
    """A replica of one process with few threads."""
    with running_replica(
        DATABASE_URL=database.url,
        AMQP_URL=amqp_url,
        SESSION_API_URL=sessions.url,
        WEB_WORKERS="1",
        WEB_THREADS=str(THREADS),
    ) as replica:
        yield replica


def ask(connection: HTTPConnection, path: str = "/health") -> int:
    """A call over a connection that is kept."""
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def kept(replica: Replica) -> HTTPConnection:
    """A connection to a replica."""
    return HTTPConnection("127.0.0.1", replica.port, timeout=120)


def test_a_connection_that_is_kept_serves_again_and_again(replica: Replica) -> None:
    with closing(kept(replica)) as connection:
        assert [ask(connection) for _ in range(50)] == [200] * 50
        assert replica.connections() == 1


def test_connections_that_are_kept_leave_threads_for_others(replica: Replica) -> None:
    with ExitStack() as stack:
        idle = [stack.enter_context(closing(kept(replica))) for _ in range(3 * THREADS)]
        assert [ask(connection) for connection in idle] == [200] * len(idle)
        assert replica.status("/health") == 200
        assert [ask(connection) for connection in idle] == [200] * len(idle)


def test_requests_that_are_sent_in_one_go_are_answered_one_after_the_other(
    replica: Replica,
) -> None:
    request = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", replica.port), timeout=120) as client:
        client.sendall(request + request + last)
        answered = b"".join(iter(lambda: client.recv(65536), b""))
    assert answered.count(b"HTTP/1.1 200 OK") == 3


def test_an_answer_arrives_in_one_piece(replica: Replica) -> None:
    with socket.create_connection(("127.0.0.1", replica.port), timeout=120) as client:
        client.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        _head, _, body = client.recv(65536).partition(b"\r\n\r\n")
    assert json.loads(body) == {"status": "ok"}


def test_connections_of_silent_clients_do_not_keep_others_out(replica: Replica) -> None:
    with ExitStack() as stack:
        for _ in range(THREADS):
            address = ("127.0.0.1", replica.port)
            stack.enter_context(socket.create_connection(address, timeout=120))
        assert replica.status("/health") == 200


def test_under_a_gunicorn_that_was_not_tested_its_own_worker_serves(
    database: ExecutionsDatabase, amqp_url: str, sessions: SessionApiStub
) -> None:
    request = database.add()
    with running_replica(
        gunicorn_conf="tests/support/deployments/untested_gunicorn.conf.py",
        DATABASE_URL=database.url,
        AMQP_URL=amqp_url,
        SESSION_API_URL=sessions.url,
        WEB_WORKERS="1",
        WEB_THREADS=str(THREADS),
    ) as replica:
        assert replica.status(f"/executions/{request.execution_id}") == 200
        with closing(kept(replica)) as connection:
            assert [ask(connection) for _ in range(20)] == [200] * 20


def test_a_worker_whose_loop_cannot_be_kept_alive_is_replaced(
    database: ExecutionsDatabase, amqp_url: str, sessions: SessionApiStub
) -> None:
    with running_replica(
        "support.deployments.failing_loop:app",
        DATABASE_URL=database.url,
        AMQP_URL=amqp_url,
        SESSION_API_URL=sessions.url,
        WEB_WORKERS="1",
    ) as replica:
        master = psutil.Process(replica.process.pid)
        seen = {worker.pid for worker in master.children()}
        eventually(lambda: {worker.pid for worker in master.children()} - seen)


def test_what_runs_at_a_stop_is_answered_and_nothing_new_is_taken(
    replica: Replica, database: ExecutionsDatabase
) -> None:
    request = database.add()
    with closing(kept(replica)) as waiting:
        waiting.request("GET", f"/executions/{request.execution_id}?wait=3")
        eventually(lambda: replica.connections() == 1)
        replica.process.terminate()
        eventually(lambda: refuses(replica))
        assert waiting.getresponse().status == 200
    assert replica.process.wait(120) == 0


def refuses(replica: Replica) -> bool:
    """Whether new connections are refused."""
    try:
        socket.create_connection(("127.0.0.1", replica.port), timeout=1).close()
    except ConnectionRefusedError:
        return True
    return False
