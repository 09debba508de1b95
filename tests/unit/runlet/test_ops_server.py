import http.client
import json
import socket
from collections.abc import Iterator

import pytest
import urllib3

from runlet_telemetry import build_info, metrics
from runlet_telemetry.ops_server import OpsServer
from runlet_telemetry.supervision import Supervisor
from support.telemetry.metrics import Page
from support.telemetry.ops import serve


class Process:
    """A process whose parts a test breaks."""

    def __init__(self) -> None:
        self.stalled: list[str] = []
        self.parts = {"database": True, "message broker": True}
        ops = OpsServer(lambda: self.stalled, lambda: self.parts, metrics.RELAY, port=0)
        self.port = serve(ops)

    def get(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read().decode()
        connection.close()
        return response.status, body


@pytest.fixture(scope="module")
def shared_process() -> Process:
    return Process()


@pytest.fixture
def process(shared_process: Process) -> Iterator[Process]:
    yield shared_process
    shared_process.stalled = []
    shared_process.parts = dict.fromkeys(shared_process.parts, True)


def test_a_process_at_work_is_healthy_and_ready(process: Process) -> None:
    assert process.get("/health") == (200, '{"status": "ok"}')
    assert process.get("/ready") == (200, '{"status": "ok"}')


def test_a_process_with_a_loop_that_stalls_is_not_healthy_and_names_it(process: Process) -> None:
    process.stalled = ["publisher"]

    status, body = process.get("/health")

    assert (status, json.loads(body)) == (503, {"status": "unavailable", "away": ["publisher"]})


def test_health_tells_the_version(process: Process) -> None:
    response = urllib3.request("GET", f"http://127.0.0.1:{process.port}/health")

    assert response.headers["Runlet-Version"] == build_info.VERSION


def test_the_server_ends_when_its_loop_is_stopped() -> None:
    supervisor = Supervisor()
    supervisor.start(OpsServer(list, dict, metrics.RELAY, port=0).loop())

    assert supervisor.stop_all()


def test_it_says_which_part_does_not_answer_and_stays_healthy(process: Process) -> None:
    process.parts["database"] = False

    status, body = process.get("/ready")

    assert (status, json.loads(body)["away"]) == (503, ["database"])
    assert process.get("/health")[0] == 200


def test_it_serves_its_own_metrics_and_no_others(process: Process) -> None:
    metrics.OUTBOX_MESSAGES.set(7)

    page = Page(process.get("/metrics")[1])

    assert page.total("runlet_outbox_messages") == 7
    own = {family.name for metric in metrics.RELAY for family in metric.describe()}
    assert {name for name in page.names() if name.startswith("runlet_")} == own
    assert "process_cpu_seconds" in page.names()


def test_a_client_that_sends_nothing_is_disconnected(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runlet_telemetry.ops_server._QuietHandler.timeout", 0.01)

    with socket.create_connection(("127.0.0.1", process.port), timeout=30) as silent:
        assert silent.recv(1) == b""


def test_any_other_address_is_not_found(process: Process) -> None:
    assert process.get("/else")[0] == 404
