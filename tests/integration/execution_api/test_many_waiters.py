"""A replica as it is shipped, with five hundred clients that wait."""

import re
import resource
import selectors
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
import yaml

from runlet.messages import RunRequested
from runlet_amqp import envelopes
from support.broker import vhosts
from support.broker.collectors import running_collector
from support.databases.event_factory import finished
from support.databases.executions import ExecutionsDatabase
from support.deployments.gunicorns import ROOT, Replica, running_replica
from support.deployments.servers import OpenStream
from support.http.session_api_stub import SessionApiStub
from support.wait_until import eventually

WAITERS = 500
PROBES = 200


def shipped(setting: str) -> str:
    """What the execution API gets by default from docker-compose.yml."""
    whole = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    found = re.search(":-(.*)}", whole["services"]["execution-api"]["environment"][setting])
    assert found is not None
    return found[1]


@dataclass
class Crowd:
    """Clients that wait, each on a connection of its own, all read by one thread."""

    port: int
    answers: dict[socket.socket, bytearray] = field(default_factory=dict)
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)

    def ask(self, path: str) -> None:
        """One more client asks, and closes when it is answered."""
        connection = socket.create_connection(("127.0.0.1", self.port))
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        connection.setblocking(False)
        self._selector.register(connection, selectors.EVENT_READ)
        self.answers[connection] = bytearray()

    def listen(self, is_enough: Callable[[], bool], seconds: float = 180) -> None:
        """Read until it is enough."""
        deadline = time.monotonic() + seconds
        while not is_enough():
            assert time.monotonic() < deadline, "The clients were not answered."
            for key, _events in self._selector.select(0.1):
                connection: socket.socket = key.fileobj  # type: ignore[assignment]
                data = connection.recv(65_536)
                self.answers[connection] += data
                if not data:
                    self._selector.unregister(connection)
                    connection.close()

    def ended(self) -> int:
        """How many have been answered to the end."""
        return len(self.answers) - len(self._selector.get_map())

    def with_status(self, text: bytes) -> int:
        """How many have read this."""
        return sum(text in answer for answer in self.answers.values())


@pytest.fixture
def replica(
    database: ExecutionsDatabase, amqp_url: str, sessions: SessionApiStub
) -> Iterator[Replica]:
    with running_replica(
        DATABASE_URL=database.url,
        AMQP_URL=amqp_url,
        SESSION_API_URL=sessions.url,
        WEB_WORKERS=shipped("WEB_WORKERS"),
        WEB_THREADS=shipped("WEB_THREADS"),
    ) as replica:
        yield replica


@pytest.fixture
def many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def milliseconds(replica: Replica, request: RunRequested) -> list[float]:
    """How long a replica takes to show an execution, again and again."""
    path, taken = f"/executions/{request.execution_id}", []
    for _ in range(PROBES):
        begun = time.perf_counter()
        assert replica.status(path) == 200
        taken.append((time.perf_counter() - begun) * 1000)
    return taken


@pytest.mark.usefixtures("many_files")
def test_other_calls_stay_fast_while_five_hundred_wait_and_all_are_answered(
    replica: Replica, database: ExecutionsDatabase, amqp_url: str
) -> None:
    requests = [database.add() for _ in range(WAITERS)]
    milliseconds(replica, requests[0])
    alone, megabytes = milliseconds(replica, requests[0]), replica.megabytes()

    crowd = Crowd(replica.port)
    for index, request in enumerate(requests):
        way = "/stream" if index % 2 else "?wait=30"
        crowd.ask(f"/executions/{request.execution_id}{way}")
    crowd.listen(lambda: crowd.with_status(b'"QUEUED"') == WAITERS // 2)
    crowded, held = milliseconds(replica, requests[0]), replica.megabytes() - megabytes

    with running_collector(database.url, amqp_url):
        ends = (envelopes.event(finished(each, stdout="42"), None) for each in requests)
        vhosts.publish(amqp_url, *ends)
        crowd.listen(lambda: crowd.ended() == WAITERS)

    assert crowd.with_status(b'"COMPLETED"') == WAITERS
    assert statistics.median(crowded) < 3 * statistics.median(alone) + 5, (alone, crowded)
    assert held < 150


def test_a_replica_that_is_stopped_does_not_wait_for_its_readers(
    replica: Replica, database: ExecutionsDatabase
) -> None:
    with OpenStream(replica.port, f"/executions/{database.add().execution_id}/stream") as reader:
        eventually(lambda: reader.reading.statuses)
        replica.process.terminate()
        assert reader.wait_for_end().end is None
        assert replica.process.wait(120) == 0


def test_a_reader_that_vanished_is_forgotten_by_a_worker(
    replica: Replica, database: ExecutionsDatabase
) -> None:
    with OpenStream(replica.port, f"/executions/{database.add().execution_id}/stream") as reader:
        eventually(lambda: reader.reading.statuses)
    assert eventually(lambda: replica.connections() == 0)
