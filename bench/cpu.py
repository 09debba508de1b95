"""CPU seconds spent so far, by service, as the kernel counts them."""

import os
import time
from pathlib import Path

import docker
from docker.models.containers import Container

ENGINE_PROCESSES = ("dockerd", "containerd", "containerd-shim", "runc")
TICKS = os.sysconf("SC_CLK_TCK")


class CpuMeter:
    """Reads the counters of a compose project's containers, the engine and this process."""

    def __init__(self, client: docker.DockerClient, project: str) -> None:
        self._client = client
        self._project = project

    def __call__(self) -> dict[str, float]:
        """Seconds by part; `load generator` is the process that measures."""
        spent: dict[str, float] = {"load generator": time.process_time(), "engine": _engine()}
        label = f"com.docker.compose.project={self._project}"
        for container in self._client.containers.list(filters={"label": label}):
            service = container.labels["com.docker.compose.service"]
            spent[service] = spent.get(service, 0.0) + _usage(container)
        return spent


def _usage(container: Container) -> float:
    stats = container.stats(stream=False, one_shot=True)
    if not isinstance(stats, dict):
        raise TypeError("One reading was asked for, and a stream came.")
    return float(stats["cpu_stats"]["cpu_usage"]["total_usage"]) / 1e9


def _engine() -> float:
    """The engine's own processes where they run beside us; 0 where it is on another machine."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = stat.read_text().partition("(")[2].rpartition(")")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if name.startswith(ENGINE_PROCESSES):
            ticks += sum(int(field) for field in rest.split()[11:15])
    return ticks / TICKS
