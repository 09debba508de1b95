"""docs/timeouts.md names every time-out with the value it has."""

import re

import pytest

from support.documents.markdown import ROOT
from support.documents.timeouts import Value, constants, value_of

TEXT = (ROOT / "docs/timeouts.md").read_text(encoding="utf-8")
# Rows end with a value and a module's constant, or with a text and the file that has it.
OF_CODE = re.findall(r"\| ([\d., ]+)(?: s| ms)? \| `(\w+\.[\w.]+)` \|$", TEXT, re.MULTILINE)
OF_FILES = re.findall(r"\| `([^`|]+)` \| `([\w./\-]+)` \|$", TEXT, re.MULTILINE)


def number(written: str) -> Value:
    """What a cell says: `5`, or `2, 4, 8`."""
    return tuple(float(part) for part in written.split(", "))


@pytest.mark.parametrize(("written", "name"), OF_CODE, ids=[name for _, name in OF_CODE])
def test_a_time_out_has_the_value_that_the_page_says(written: str, name: str) -> None:
    assert number(written) == value_of(name)


@pytest.mark.parametrize(("text", "path"), OF_FILES)
def test_a_file_sets_what_the_page_says(text: str, path: str) -> None:
    assert text in (ROOT / path).read_text(encoding="utf-8")


def test_every_time_out_of_the_code_is_on_the_page() -> None:
    assert set(constants()) - {name for _, name in OF_CODE} == set()


def test_every_row_says_what_it_is_about() -> None:
    assert re.findall(r"^\| \W*\|", TEXT, re.MULTILINE) == []
