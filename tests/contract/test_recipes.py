"""docs/recipes.md names every file that its examples are in."""

import re

import pytest

from support.documents.markdown import ROOT

RECIPES = (ROOT / "docs/recipes.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", RECIPES, re.MULTILINE | re.DOTALL))
CODE = {".py", ".yaml", ".yml", ".c", ".h", ".conf", ""}


def files_with(words: str) -> set[str]:
    """The code of services, shared packages, client and deployment that matches."""
    found = set()
    for folder in ("services", "shared", "clients", "deploy"):
        for path in (ROOT / folder).rglob("*"):
            is_code = path.is_file() and path.suffix in CODE and "__pycache__" not in path.parts
            if is_code and re.search(words, path.read_text(encoding="utf-8", errors="ignore")):
                found.add(path.relative_to(ROOT).as_posix())
    return found


def is_named(path: str, section: str) -> bool:
    """Whether a section names a file, or the folder that it is in."""
    named = [span.rstrip("/") for span in re.findall(r"`([^`\n]+)`", SECTIONS[section])]
    return any(path == each or path.startswith(f"{each}/") for each in named if "/" in each)


@pytest.mark.parametrize(
    ("section", "example"),
    [("A language", r"\bruby\b"), ("A result field", r"\bmemory_peak_kb\b")],
)
def test_a_recipe_names_every_file_of_its_example(section: str, example: str) -> None:
    assert {path for path in files_with(example) if not is_named(path, section)} == set()


def test_a_result_field_touches_at_most_four_files_of_the_platform() -> None:
    table = SECTIONS["A result field"]
    assert 0 < len(re.findall(r"^\| `", table, re.MULTILINE)) <= 4
