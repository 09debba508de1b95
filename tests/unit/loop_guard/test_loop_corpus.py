"""How well the guard tells endless loops from others, over real and tricky programs.

Each program was run in its language's own sandbox image with nothing to read: those with expected
lines were still running after three seconds, or ran out of memory, and all others had ended.
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from runlet_loop_guard import endless_loops

CORPUS = Path(__file__).parents[2] / "data" / "loop_corpus"
EXPECTED: Mapping[str, Mapping[str, list[int]]] = tomllib.loads(
    (CORPUS / "expectations.toml").read_text()
)
UNSURE: list[dict[str, str]] = json.loads((CORPUS / "no_findings.json").read_text())
LOWEST_RECALL = 0.83


@dataclass(frozen=True)
class Score:
    """Loops of one language: found rightly, found wrongly, missed."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    def __add__(self, other: "Score") -> "Score":
        return Score(self.right + other.right, self.wrong + other.wrong, self.missed + other.missed)

    @property
    def precision(self) -> float:
        return self.right / max(1, self.right + self.wrong)

    @property
    def recall(self) -> float:
        return self.right / max(1, self.right + self.missed)


def _score(language: str, case: str, lines: list[int]) -> Score:
    (program,) = (CORPUS / language).glob(f"{case}.*")
    found = {loop.line for loop in endless_loops(language, program.read_text())}
    expected = set(lines)
    return Score(len(found & expected), len(found - expected), len(expected - found))


def _scores() -> dict[str, Score]:
    return {
        language: sum((_score(language, case, lines) for case, lines in cases.items()), Score())
        for language, cases in EXPECTED.items()
    }


def _row(name: str, programs: int, score: Score) -> str:
    loops = score.right + score.missed
    return f"{name:<12}{programs:>9}{loops:>9}{score.precision:>11.3f}{score.recall:>8.3f}"


def test_every_finding_is_right_and_most_endless_loops_are_found() -> None:
    scores = _scores()
    total = sum(scores.values(), Score())
    print(f"\n{'language':<12}{'programs':>9}{'endless':>9}{'precision':>11}{'recall':>8}")
    for language, score in scores.items():
        print(_row(language, len(EXPECTED[language]), score))
    print(_row("all", sum(len(cases) for cases in EXPECTED.values()), total))
    assert total.precision == 1.0
    assert total.recall >= LOWEST_RECALL


def test_the_corpus_has_what_it_lists_and_lists_what_it_has() -> None:
    listed = {f"{language}/{case}" for language, cases in EXPECTED.items() for case in cases}
    present = {f"{path.parent.name}/{path.name.split('.')[0]}" for path in CORPUS.glob("*/*")}
    assert listed == present
    assert len(listed) >= 130


@pytest.mark.parametrize("program", UNSURE, ids=lambda program: str(program["language"]))
def test_a_loop_that_may_end_is_no_finding(program: dict[str, str]) -> None:
    assert endless_loops(program["language"], program["source"]) == ()
