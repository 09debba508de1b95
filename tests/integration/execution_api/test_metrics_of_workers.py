"""Metrics of an API with several gunicorn workers, as its container runs it."""

import os
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest
import urllib3
from prometheus_client import multiprocess

from support.databases.executions import ExecutionsDatabase
from support.deployments.gunicorns import Replica, running_replica
from support.http.session_api_stub import SessionApiStub
from support.telemetry.metrics import Page
from support.wait_until import eventually

WORKERS = 2
COUNT = "runlet_http_request_seconds_count"
HEALTH = {"method": "GET", "route": "/health", "status": "200"}


@pytest.fixture
def replica(
    database: ExecutionsDatabase, amqp_url: str, sessions: SessionApiStub, tmp_path: Path
) -> Iterator[Replica]:
    """A replica whose workers keep their metrics in `tmp_path`."""
    (tmp_path / "counter_worker0.db").write_bytes(b"of an earlier life")
    with running_replica(
        DATABASE_URL=database.url,
        AMQP_URL=amqp_url,
        SESSION_API_URL=sessions.url,
        WEB_WORKERS=str(WORKERS),
        PROMETHEUS_MULTIPROC_DIR=str(tmp_path),
    ) as replica:
        yield replica


def page(replica: Replica) -> Page:
    """What it serves at /metrics."""
    return Page(urllib3.request("GET", f"http://127.0.0.1:{replica.port}/metrics").data.decode())


def served_by_worker(folder: Path) -> list[float]:
    """How often each worker has answered /health, by what it has written down."""
    return [_served(file) for file in sorted(folder.glob("histogram_worker*.db"))]


def _served(file: Path) -> float:
    families = multiprocess.MultiProcessCollector.merge([str(file)])  # type: ignore[no-untyped-call]
    samples = (sample for family in families for sample in family.samples)
    ours = (each for each in samples if each.name == COUNT and each.labels["route"] == "/health")
    return float(sum(each.value for each in ours))


def ask_until(replica: Replica, is_enough: Callable[[], bool]) -> int:
    """Ask for /health until it is enough, or often; gives how often that was."""
    asked = 0
    while not is_enough():
        assert asked < 2_000, "One worker has answered everything."
        assert replica.status("/health") == 200
        asked += 1
    return asked


def workers(replica: Replica) -> list[int]:
    """The process ids of its workers."""
    return [child.pid for child in psutil.Process(replica.process.pid).children()]


def test_the_page_sums_up_what_workers_count_also_those_that_have_died(
    replica: Replica, tmp_path: Path
) -> None:
    def all_have_answered() -> bool:
        served = served_by_worker(tmp_path)
        return len(served) == WORKERS and all(served)

    asked = ask_until(replica, all_have_answered)
    assert page(replica).total(COUNT, **HEALTH) == asked
    assert page(replica).total("runlet_build_info") == 1

    kinds = {file.name.rpartition("_")[0] for file in tmp_path.glob("*.db")}
    for _ in range(2):
        victim = workers(replica)[0]
        os.kill(victim, signal.SIGKILL)
        eventually(partial(_replaced, replica, victim))

    assert page(replica).total(COUNT, **HEALTH) == asked
    assert replica.status("/health") == 200
    assert page(replica).total(COUNT, **HEALTH) == asked + 1
    of_every_place = {f"{kind}_worker{place}.db" for kind in kinds for place in range(WORKERS)}
    assert {file.name for file in tmp_path.glob("*.db")} <= of_every_place


def _replaced(replica: Replica, victim: int) -> bool:
    now = workers(replica)
    return victim not in now and len(now) == WORKERS and _answers(replica)


def _answers(replica: Replica) -> bool:
    try:
        return replica.status("/ready") == 200
    except OSError:
        return False
