"""A collector's memory does not grow with what waits for it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runlet.messages import RunRequested
from runlet_amqp import envelopes
from support.broker import vhosts
from support.databases.event_factory import finished
from support.databases.executions import ExecutionsDatabase
from support.wait_until import eventually

RESULTS = 50
# Of a deployment with OUTPUT_LIMIT_BYTES as it is by default; each takes six bytes as JSON.
OUTPUT = "\x01" * 1_048_576
LIMIT_KIB = 256 * 1024


@contextmanager
def collector_process(database_url: str, amqp_url: str) -> Iterator[int]:
    """A collector in a process of its own, by its id."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "DATABASE_URL": database_url,
        "AMQP_URL": amqp_url,
    }
    command = [sys.executable, "-m", "support.broker.collector_process"]
    with subprocess.Popen(command, env=environment) as process:
        try:
            yield process.pid
        finally:
            process.terminate()
    assert process.returncode == 0


def peak_kib(process_id: int) -> int:
    """The most memory that a process has had so far."""
    status = Path(f"/proc/{process_id}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1])


def publish_end(amqp_url: str, request: RunRequested) -> None:
    """Publish the end of a run that filled both of its streams."""
    end = finished(request, stdout=OUTPUT, stderr=OUTPUT)
    vhosts.publish(amqp_url, envelopes.event(end, None))


def test_fifty_full_results_pass_through_256_mib(
    database: ExecutionsDatabase, amqp_url: str
) -> None:
    requests = [database.add() for _ in range(RESULTS)]
    for request in requests:
        publish_end(amqp_url, request)
    with collector_process(database.url, amqp_url) as process_id:
        eventually(lambda: all(is_stored(database, request) for request in requests))
        peak = peak_kib(process_id)
    assert peak < LIMIT_KIB
    [request, *_] = requests
    row = database.execution(request.execution_id)
    assert row["stdout"] == row["stderr"] == OUTPUT


def is_stored(database: ExecutionsDatabase, request: RunRequested) -> bool:
    """Whether the end of a run is."""
    return ("finished", 1) in database.events(request.execution_id)
