"""The project's documents, and what they name: links, paths, modules, settings, commands."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[3]
# Written by commands from measurements; their texts belong to those commands.
MEASURED = ("docs/bench/", "docs/load/", "docs/capacity/", "docs/chaos.md")

_CODE_SPAN = re.compile(r"`([^`\n]+)`")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Document:
    """One document; `path` is relative to the project."""

    path: str
    text: str

    @property
    def prose(self) -> str:
        """The text without its blocks of code."""
        return _FENCE.sub("", self.text)

    def code_spans(self) -> list[str]:
        """What stands between single backticks."""
        return _CODE_SPAN.findall(self.prose)

    def blocks(self, language: str) -> list[str]:
        """Its blocks of code in `language`."""
        return [code for name, code in _FENCE.findall(self.text) if name == language]

    def links(self) -> list[str]:
        """Targets of links that stay in the project."""
        return [each for each in _LINK.findall(self.prose) if not re.match(r"[a-z]+:", each)]

    def anchors(self) -> set[str]:
        """The names of its headings, as links use them."""
        return {_anchor(title) for title in _HEADING.findall(self.prose)}


def _anchor(title: str) -> str:
    kept = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title))
    return kept.lower().replace(" ", "-")


@cache
def documents() -> list[Document]:
    """Every document of the project, by path."""
    folders = ("docs", "services", "shared", "clients", "deploy", "tests", "benchmarks")
    found = {
        *ROOT.glob("*.md"),
        *(path for each in folders for path in ROOT.glob(f"{each}/**/*.md")),
    }
    paths = sorted(path.relative_to(ROOT).as_posix() for path in found)
    return [Document(path, (ROOT / path).read_text(encoding="utf-8")) for path in paths]


def written_documents() -> list[Document]:
    """The documents that somebody wrote: all but those a measurement writes."""
    return [each for each in documents() if not each.path.startswith(MEASURED)]


@cache
def source_text() -> str:
    """The code, the compose files and the scripts."""
    return "\n".join(_sources())


@cache
def source_words() -> frozenset[str]:
    """Every word that stands there."""
    return frozenset(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", source_text()))


def _sources() -> Iterator[str]:
    folders = ("services", "shared", "deploy", "clients", "tests/support", "benchmarks", ".")
    kinds = {".py", ".sh", ".yml", ".yaml", ".c", ".h", ".sql", ".conf", ".cfg", ".rules", ""}
    for folder in folders:
        paths = (ROOT / folder).iterdir() if folder == "." else (ROOT / folder).rglob("*")
        for path in paths:
            if path.is_file() and path.suffix in kinds and "__pycache__" not in path.parts:
                yield path.read_text(encoding="utf-8", errors="ignore")
