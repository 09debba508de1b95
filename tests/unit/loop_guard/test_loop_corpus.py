"""How well the guard tells endless loops from others, over real and tricky programs."""

import json
from pathlib import Path

import pytest

import runlet_loop_guard
from runlet_loop_guard import endless_loops
from support.data.loop_corpus import CORPUS, EXPECTED, Score, scores, table

README = Path(runlet_loop_guard.__file__).with_name("README.md")
UNSURE: list[dict[str, str]] = json.loads((CORPUS / "no_findings.json").read_text())
LOWEST_RECALL = 0.83


def test_every_finding_is_right_and_most_endless_loops_are_found() -> None:
    total = sum(scores().values(), Score())
    assert total.precision == 1.0
    assert total.recall >= LOWEST_RECALL


def test_the_readme_has_the_table_as_it_is_measured() -> None:
    assert table() in README.read_text()


def test_the_corpus_has_what_it_lists_and_lists_what_it_has() -> None:
    listed = {f"{language}/{case}" for language, cases in EXPECTED.items() for case in cases}
    present = {f"{path.parent.name}/{path.name.split('.')[0]}" for path in CORPUS.glob("*/*")}
    assert listed == present
    assert len(listed) >= 130


@pytest.mark.parametrize("program", UNSURE, ids=lambda program: str(program["language"]))
def test_a_loop_that_may_end_is_no_finding(program: dict[str, str]) -> None:
    assert endless_loops(program["language"], program["source"]) == ()
