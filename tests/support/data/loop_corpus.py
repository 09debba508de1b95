"""The corpus of the loop guard: how well it tells endless loops from others.

Each program was run in its language's own sandbox image with nothing to read: those with expected
lines were still running after three seconds, or ran out of memory, and all others had ended.

`PYTHONPATH=shared:tests .venv/bin/python -m support.data.loop_corpus` prints the table.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runlet_loop_guard import endless_loops

CORPUS = Path(__file__).parents[2] / "data" / "loop_corpus"
EXPECTED: Mapping[str, Mapping[str, list[int]]] = tomllib.loads(
    (CORPUS / "expectations.toml").read_text()
)


@dataclass(frozen=True)
class Score:
    """Loops found rightly, found wrongly, and missed."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    def __add__(self, other: "Score") -> "Score":
        return Score(self.right + other.right, self.wrong + other.wrong, self.missed + other.missed)

    @property
    def precision(self) -> float:
        """Which part of the findings is right."""
        return self.right / max(1, self.right + self.wrong)

    @property
    def recall(self) -> float:
        """Which part of the endless loops is found."""
        return self.right / max(1, self.right + self.missed)


def scores() -> dict[str, Score]:
    """The score of each language."""
    return {
        language: sum((_score(language, case, lines) for case, lines in cases.items()), Score())
        for language, cases in EXPECTED.items()
    }


def table() -> str:
    """The scores in Markdown."""
    measured = scores()
    rows = [_row(name, len(EXPECTED[name]), score) for name, score in measured.items()]
    programs = sum(len(cases) for cases in EXPECTED.values())
    total = _row("all", programs, sum(measured.values(), Score()))
    head = "| language | programs | endless loops | found | wrong | precision | recall |"
    return "\n".join([head, "|---" * 7 + "|", *rows, total])


def _score(language: str, case: str, lines: list[int]) -> Score:
    (program,) = (CORPUS / language).glob(f"{case}.*")
    found = {loop.line for loop in endless_loops(language, program.read_text())}
    expected = set(lines)
    return Score(len(found & expected), len(found - expected), len(expected - found))


def _row(name: str, programs: int, score: Score) -> str:
    loops = score.right + score.missed
    cells = (name, programs, loops, score.right, score.wrong)
    return f"| {' | '.join(map(str, cells))} | {score.precision:.2f} | {score.recall:.2f} |"


if __name__ == "__main__":
    print(table())
