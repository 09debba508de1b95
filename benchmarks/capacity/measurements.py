"""What one machine was measured to do, as it is kept in measured.json."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

FILE = Path(__file__).with_name("measured.json")


@dataclass(frozen=True)
class Point:
    """So many callers, each of whom asks for a run, waits for its result and asks again."""

    callers: int
    per_second: float
    p50_ms: float
    p95_ms: float


@dataclass(frozen=True)
class Cost:
    """What one call costs: CPU milliseconds by part, bytes in PostgreSQL's log and on disk."""

    cpu_ms: dict[str, float]
    wal_bytes: float
    disk_bytes: float

    @property
    def total_cpu_ms(self) -> float:
        """All parts together, without the load generator, which is the caller's."""
        return sum(ms for part, ms in self.cpu_ms.items() if part != "load generator")


@dataclass(frozen=True)
class Measurements:
    """One sitting on one machine, with one version of Runlet."""

    version: str
    machine: str
    cores: int
    runs_per_container: int
    curve: tuple[Point, ...]
    execution: Cost
    autosave: Cost
    poll: Cost
    memory_mb: dict[str, float]


def read(file: Path = FILE) -> Measurements:
    """What was measured last. Raises msgspec.ValidationError for another shape."""
    return msgspec.json.decode(file.read_bytes(), type=Measurements)


def write(measurements: Measurements, file: Path = FILE) -> None:
    """Keep a sitting."""
    file.write_bytes(msgspec.json.format(msgspec.json.encode(measurements), indent=2) + b"\n")
