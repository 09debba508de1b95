"""Measures what a run, an autosave and a poll cost, and how one machine bends under load."""

import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any

import docker
import urllib3

from benchmarks.capacity.measurements import Cost, Measurements, Point
from benchmarks.speed import load, report
from benchmarks.speed.cpu import CpuMeter
from benchmarks.speed.figures import Figures, latencies
from benchmarks.speed.stack import Stack
from runlet_telemetry.build_info import VERSION

CALLERS = (1, 2, 3, 4, 6, 8, 12, 16)
RUNS_PER_POINT = 240
CALLS, AT_ONCE = 1200, 4
RUNS_PER_CONTAINER = 100
SOURCE, EXPECTED = "print(1)\n", "1\n"
# Which services keep something on a disk.
KEEPERS = ("postgres", "rabbitmq")


class Sitting:
    """Measures one stack."""

    def __init__(self, client: docker.DockerClient) -> None:
        self._client = client
        self._stack = Stack.of_environment(client)
        self._cpu = CpuMeter(client, self._stack.project)
        self._http = urllib3.PoolManager(maxsize=AT_ONCE)

    def measure(self) -> Measurements:
        """Everything, in a few minutes."""
        self._stack.switch(RUNS_PER_CONTAINER)
        address = self._stack.address()
        callers = [load.Caller(address, "python", SOURCE, EXPECTED) for _ in range(max(CALLERS))]
        _closed_loop(callers, 5)
        curve = tuple(_point(callers[:count]) for count in CALLERS)
        session, execution = self._session_that_ran(address)
        return Measurements(
            version=VERSION,
            machine=report.describe_machine(os.cpu_count() or 1, self._client.version()["Version"]),
            cores=os.cpu_count() or 1,
            runs_per_container=RUNS_PER_CONTAINER,
            curve=curve,
            execution=self._cost(callers[:AT_ONCE], RUNS_PER_POINT),
            autosave=self._cost([self._saver(session)] * AT_ONCE, CALLS),
            poll=self._cost([self._poller(execution)] * AT_ONCE, CALLS),
            memory_mb=self._memory(),
        )

    def _session_that_ran(self, address: str) -> tuple[str, str]:
        body = {"language": "python", "source_code": SOURCE}
        made = self._call("POST", f"{address}/code-sessions", body)
        session = f"{address}/code-sessions/{made['session_id']}"
        execution = self._call("POST", f"{session}/run", None)["execution_id"]
        location = f"{address}/executions/{execution}"
        self._call("GET", f"{location}?wait=30", None)
        return session, location

    def _saver(self, session: str) -> Callable[[], object]:
        body = {"source_code": "print('Hello')\n" * 40}
        return lambda: self._call("PATCH", session, body)

    def _poller(self, execution: str) -> Callable[[], object]:
        return lambda: self._call("GET", execution, None)

    def _call(self, method: str, url: str, body: object) -> Any:
        answer = self._http.request(
            method,
            url,
            body=None if body is None else json.dumps(body),
            headers={"Content-Type": "application/json"},
            retries=False,
        )
        if answer.status >= 400:
            raise RuntimeError(f"{method} {url}: {answer.status} {answer.data!r}")
        return json.loads(answer.data)

    def _cost(self, callers: Sequence[Callable[[], object]], calls: int) -> Cost:
        each = calls // len(callers)
        cpu, wal, disk = self._cpu(), self._wal_bytes(), self._disk_bytes()
        _closed_loop(callers, each)
        after = self._cpu()
        done = each * len(callers)
        return Cost(
            {part: 1000 * (after[part] - cpu.get(part, 0.0)) / done for part in sorted(after)},
            (self._wal_bytes() - wal) / done,
            (self._disk_bytes() - disk) / done,
        )

    def _wal_bytes(self) -> int:
        command = ["psql", "-U", "postgres", "-Atc", "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn"]
        status, output = self._stack.container("postgres").exec_run(command)
        if status != 0 or not isinstance(output, bytes):
            raise RuntimeError(f"PostgreSQL does not say how much it wrote: {output!r}")
        return int(output)

    def _disk_bytes(self) -> int:
        return sum(
            _written(self._stack.container(service).stats(stream=False)) for service in KEEPERS
        )

    def _memory(self) -> dict[str, float]:
        label = f"com.docker.compose.project={self._stack.project}"
        found: dict[str, float] = {}
        for container in self._client.containers.list(filters={"label": label}):
            service = container.labels["com.docker.compose.service"]
            used = _used_memory(container.stats(stream=False))
            found[service] = round(found.get(service, 0.0) + used / 2**20, 1)
        return dict(sorted(found.items()))


def _point(callers: list[load.Caller]) -> Point:
    each = max(10, RUNS_PER_POINT // len(callers))
    started = perf_counter()
    measured = _closed_loop(callers, each)
    seconds = perf_counter() - started
    figures = Figures("", tuple(measured), len(measured) / seconds)
    return Point(
        len(callers),
        round(figures.per_second, 1),
        round(figures.percentile(50), 1),
        round(figures.percentile(95), 1),
    )


def _closed_loop(callers: Sequence[Callable[[], object]], each: int) -> list[float]:
    """Milliseconds of all calls; everybody calls again as soon as there is an answer."""
    with ThreadPoolExecutor(len(callers)) as threads:
        return [ms for one in threads.map(lambda c: latencies(c, each), callers) for ms in one]


def _written(stats: Any) -> int:
    """Bytes that the kernel wrote to disks for a container; cgroup v1 says Write, v2 write."""
    entries = stats["blkio_stats"].get("io_service_bytes_recursive") or []
    return sum(entry["value"] for entry in entries if entry["op"].lower() == "write")


def _used_memory(stats: Any) -> int:
    """Without the page cache, which goes when somebody needs it."""
    memory = stats["memory_stats"]
    details = memory.get("stats", {})
    cache = details.get("total_inactive_file", details.get("inactive_file", 0))
    return int(memory["usage"] - cache)
