"""What the faults did, as a table for people."""

from dataclasses import dataclass
from pathlib import Path

from support.chaos.load import Run

HEAD = (
    "| fault | lasted (s) | runs accepted | retries seen | repeated | wrong answers | lost "
    "| recovery (s) | restarted by the engine |",
    "|---|---|---|---|---|---|---|---|---|",
)


@dataclass(frozen=True)
class Outcome:
    """What became of the load around one fault.

    `recovery_seconds` is from the end of the fault to the first right answer to a run that was
    begun after it; None when none came. `restarted` are the services whose containers ended, and
    which the engine restarted.
    """

    fault: str
    lasted_seconds: float
    recovery_seconds: float | None
    runs: list[Run]
    restarted: list[str]

    def row(self) -> str:
        """Its line in the table."""
        accepted = [run for run in self.runs if run.execution_id]
        ended = [run for run in accepted if run.answer]
        cells = (
            self.fault,
            f"{self.lasted_seconds:.1f}" if self.lasted_seconds >= 0.05 else "a moment",
            len(accepted),
            sum(len(run.refusals) for run in self.runs),
            sum(run.answer["attempts"] > 1 for run in ended),
            sum(not run.right for run in ended),
            len(accepted) - len(ended),
            "never" if self.recovery_seconds is None else f"{self.recovery_seconds:.1f}",
            ", ".join(self.restarted) or "none",
        )
        return f"| {' | '.join(map(str, cells))} |"


class Report:
    """Writes outcomes down as they come, so that an interrupted run shows some."""

    def __init__(self, path: Path, seed: int) -> None:
        self._path = path
        self._lines = [f"Seed {seed}.", "", *HEAD]

    def add(self, outcome: Outcome) -> None:
        """Write one more line."""
        self._lines.append(outcome.row())
        self._path.parent.mkdir(exist_ok=True)
        self._path.write_text("\n".join(self._lines) + "\n", encoding="utf-8")
