"""The parts of deploy/bootstrap/lib, and who needs which."""

import re
from pathlib import Path

import pytest

BOOTSTRAP = Path(__file__).parents[3] / "deploy/bootstrap"
PARTS = {path.stem: path.read_text(encoding="utf-8") for path in (BOOTSTRAP / "lib").glob("*.sh")}
SCRIPTS = {path.name: path.read_text(encoding="utf-8") for path in BOOTSTRAP.glob("*.sh")}
SOURCES = {**PARTS, **SCRIPTS}
COMMENT = re.compile(r"(^|\s)#.*$", re.MULTILINE)


def needed(name: str) -> set[str]:
    """The parts that a file names itself."""
    lines = re.findall(r"^need (.+)$", SOURCES[name], re.MULTILINE)
    sourced = re.findall(r"^source .*lib/([a-z-]+)\.sh", SOURCES[name], re.MULTILINE)
    return {part for line in lines for part in line.split()} | set(sourced)


def with_all_they_need(parts: set[str]) -> set[str]:
    found = set(parts)
    while more := {each for part in found for each in needed(part)} - found:
        found |= more
    return found


def defined_in(name: str) -> set[str]:
    """Functions, and variables that are set when the file is sourced."""
    functions = re.findall(r"^([a-z_0-9]+)\(\)", SOURCES[name], re.MULTILINE)
    variables = re.findall(r"^([A-Z_0-9]+)=", SOURCES[name], re.MULTILINE)
    return {*functions, *variables}


SHARED = {each for part in PARTS for each in defined_in(part)} - {"need"}


@pytest.mark.parametrize("name", SOURCES)
def test_what_a_file_uses_of_another_part_it_needs_by_name(name: str) -> None:
    known = defined_in(name) | {
        each for part in with_all_they_need(needed(name)) for each in defined_in(part)
    }
    words = set(re.findall(r"[A-Za-z_0-9]+", COMMENT.sub("", SOURCES[name])))
    used = {word for word in SHARED & words if _is_used(word, SOURCES[name])}

    assert used <= known


def _is_used(word: str, source: str) -> bool:
    """As a command, or as a variable; not as a word of a sentence or of an option."""
    if word.isupper():
        return re.search(rf"\$(\{{[#!]?)?{word}\b", source) is not None
    command = (
        rf"(^|[;&|(!]|\bif|\bthen|\belse|\buntil|\bwhile|\bquietly|retry [0-9])\s*{word}(\s|$|\))"
    )
    return re.search(command, COMMENT.sub("", source), re.MULTILINE) is not None


@pytest.mark.parametrize("part", PARTS)
def test_a_part_needs_no_part_that_needs_it(part: str) -> None:
    assert part not in with_all_they_need(needed(part))
