import http.client
import json
from collections.abc import Iterator

import pytest

from runlet_telemetry import metrics
from runlet_telemetry.ops_server import OpsServer
from support.telemetry.metrics import Page


class Process:
    """A process whose parts a test breaks."""

    def __init__(self) -> None:
        self.healthy = True
        self.parts = {"database": True, "message broker": True}
        self.port = OpsServer(
            lambda: self.healthy, lambda: self.parts, metrics.RELAY, port=0
        ).start()

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
    shared_process.healthy = True
    shared_process.parts = dict.fromkeys(shared_process.parts, True)


def test_a_process_at_work_is_healthy_and_ready(process: Process) -> None:
    assert process.get("/health") == (200, '{"status": "ok"}')
    assert process.get("/ready") == (200, '{"status": "ok"}')


def test_a_process_that_is_stuck_is_not_healthy(process: Process) -> None:
    process.healthy = False

    status, body = process.get("/health")

    assert (status, json.loads(body)["away"]) == (503, ["main loop"])


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


def test_any_other_address_is_not_found(process: Process) -> None:
    assert process.get("/else")[0] == 404
