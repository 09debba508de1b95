"""CPU seconds spent so far, by service, as the kernel counts them."""

import os
import time
from pathlib import Path

import docker
from docker.models.containers import Container

TICKS = os.sysconf("SC_CLK_TCK")
REST = "engine, sandboxes, runs"


class CpuMeter:
    """Reads the counters of a compose project's containers, the machine and this process."""

    def __init__(self, client: docker.DockerClient, project: str) -> None:
        self._client = client
        self._project = project

    def __call__(self) -> dict[str, float]:
        """Seconds by part; `load generator` is this process, REST all that nothing else names."""
        spent: dict[str, float] = {"load generator": time.process_time()}
        label = f"com.docker.compose.project={self._project}"
        for container in self._client.containers.list(filters={"label": label}):
            service = container.labels["com.docker.compose.service"]
            spent[service] = spent.get(service, 0.0) + _usage(container)
        spent[REST] = _machine() - sum(spent.values())
        return spent


def _usage(container: Container) -> float:
    stats = container.stats(stream=False, one_shot=True)
    if not isinstance(stats, dict):
        raise TypeError("One reading was asked for, and a stream came.")
    return float(stats["cpu_stats"]["cpu_usage"]["total_usage"]) / 1e9


def _machine() -> float:
    """Seconds in which the machine's processors did anything at all (proc(5), /proc/stat)."""
    fields = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
    user, nice, system, _idle, _iowait, irq, softirq = (int(field) for field in fields[:7])
    return (user + nice + system + irq + softirq) / TICKS
