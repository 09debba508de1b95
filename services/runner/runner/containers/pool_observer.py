"""What can be observed of the warm containers."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Retirement(StrEnum):
    """Why a container was given up: see runlet_telemetry.metrics.CONTAINER_RETIREMENTS."""

    WORN_OUT = "worn_out"
    UNFIT = "unfit"
    OVERDUE = "overdue"
    SURPLUS = "surplus"
    GONE = "gone"


@dataclass(frozen=True)
class PoolCounts:
    """The containers of one language now; `starting` ones are going to be idle."""

    idle: int
    starting: int
    taken: int


class PoolObserver(Protocol):
    """Learns what becomes of containers, in the thread in which it happens."""

    def acquired(self, language_id: str, warm: bool) -> None:
        """A run was given a container that was `warm`, or has to wait for one to start."""
        ...

    def reused(self, language_id: str) -> None:
        """A container was scrubbed after a run and waits for the next."""
        ...

    def retired(self, language_id: str, why: Retirement) -> None:
        """A container was given up."""
        ...
