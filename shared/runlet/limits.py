"""What one run may use, and the settings that bound it."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

MIN_TIME_LIMIT_MS, MAX_TIME_LIMIT_MS = 100, 60_000
MIN_MEMORY_MB, MAX_MEMORY_MB = 32, 2048
MAX_PROCESSES = 64
SCRATCH_MB = 64
MAX_STDIN_BYTES = 1_048_576
MAX_FILES = 100
MAX_ARGS = 100
MAX_ARGS_BYTES = 65_536


@dataclass(frozen=True)
class Limits:
    """Limits of one run: wall clock in ms, memory and scratch disk in MiB, output in bytes."""

    time_limit_ms: int
    memory_limit_mb: int
    output_limit_bytes: int
    processes: int = MAX_PROCESSES
    scratch_mb: int = SCRATCH_MB


DefaultMemoryMb = Annotated[
    int,
    Meta(
        ge=MIN_MEMORY_MB,
        le=MAX_MEMORY_MB,
        description="Memory of a run that names no `memory_limit_mb`, in MiB.",
    ),
]


@dataclass(frozen=True, kw_only=True)
class LimitSettings:
    """A deployment's defaults, each field an environment variable of the same name."""

    default_time_limit_ms: Annotated[
        int,
        Meta(
            ge=MIN_TIME_LIMIT_MS,
            le=MAX_TIME_LIMIT_MS,
            description="Wall clock of a run that names no `time_limit_ms`; CPU time is capped at "
            "the same.",
        ),
    ] = 5000
    default_memory_mb: DefaultMemoryMb = 256
    output_limit_bytes: Annotated[
        int,
        Meta(
            ge=1024,
            le=8_388_608,
            description="Of stdout and of stderr; past it the program is ended, and what fits is "
            "kept.",
        ),
    ] = 1_048_576
    max_source_bytes: Annotated[
        int, Meta(ge=1024, le=1_048_576, description="Source and files together.")
    ] = 262_144
