"""What README, DESIGN and docs/ name exists: files, modules, commands, settings, links."""

import importlib
import re
from pathlib import Path

import pytest

from runlet_telemetry.metrics import SERVED
from support.documents.markdown import (
    ROOT,
    Document,
    documents,
    source_text,
    source_words,
    written_documents,
)
from support.documents.setting_docs import DEPLOYMENT, MAKE, settings
from support.telemetry.metric_docs import exposed_name

TOP_LEVEL = ("services", "shared", "deploy", "tests", "clients", "docs", "benchmarks", ".ci")
PACKAGES = {
    path.parent.name: path.parent
    for folder in ("shared", "services/*", "clients/python")
    for path in ROOT.glob(f"{folder}/*/__init__.py")
}
PATH = re.compile(r"[\w.\-<>*{},]+(/[\w.\-<>*{},]+)+/?")
DOTTED = re.compile(r"[a-z_]+(\.\w+)+")
MAKE_TARGET = re.compile(r"(?:^|[\s`(])make ([a-z][a-z\-]*)", re.MULTILINE)
SETTING = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
SNAKE = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+")
METRIC_SUFFIX = re.compile(r"_(bucket|count|sum)$")

# Of Linux, gunicorn, OpenTelemetry and Kubernetes: settings that nothing here defines.
FOREIGN_SETTINGS = {
    "DOCKER_HOST",
    "OTEL_EXPORTER_OTLP_CERTIFICATE",
    "PROMETHEUS_MULTIPROC_DIR",
    "WEB_THREADS",
}

by_path = pytest.mark.parametrize("document", written_documents(), ids=lambda each: each.path)


@pytest.mark.parametrize("document", documents(), ids=lambda each: each.path)
def test_a_link_leads_somewhere(document: Document) -> None:
    for link in document.links():
        path, _, anchor = link.partition("#")
        target = (ROOT / document.path).parent / path if path else ROOT / document.path
        assert target.exists(), link
        if anchor:
            found = Document(link, target.read_text(encoding="utf-8"))
            assert anchor in found.anchors(), link


@by_path
def test_a_path_that_is_named_exists(document: Document) -> None:
    missing = [span for span in document.code_spans() if is_path(span) and not exists(span)]
    assert missing == []


def is_path(span: str) -> bool:
    """Whether it is meant as a path of this project."""
    if not PATH.fullmatch(span):
        return False
    first = span.split("/")[0]
    # `runlet/runner` is an image.
    return first in TOP_LEVEL or (first in PACKAGES and (first != "runlet" or ".py" in span))


def exists(span: str) -> bool:
    """A path of the project or of one of its packages; `<name>` stands for any name."""
    pattern = re.sub(r"<[^>]*>", "*", span).rstrip("/")
    first = pattern.split("/")[0]
    bases = [ROOT] if first not in PACKAGES else [ROOT, PACKAGES[first].parent]
    names = alternatives(pattern)
    return all(any(True for base in bases for _ in base.glob(name)) for name in names)


def alternatives(pattern: str) -> list[str]:
    """`a/{b,c}` as `a/b` and `a/c`."""
    found = re.match(r"(.*?)\{([^}]*)\}(.*)", pattern)
    if found is None:
        return [pattern]
    before, choices, after = found.groups()
    return [each for choice in choices.split(",") for each in alternatives(before + choice + after)]


@by_path
def test_a_module_that_is_named_exists(document: Document) -> None:
    spans = [span.removesuffix("()") for span in document.code_spans()]
    named = [s for s in spans if DOTTED.fullmatch(s) and s.split(".")[0] in PACKAGES]
    # Labels of containers and attributes of spans look the same; the code has them in quotes.
    unknown = [name for name in named if not resolves(name)]
    assert [name for name in unknown if f'"{name}"' not in source_text()] == []


def resolves(name: str) -> bool:
    """Whether it is a module, or something in one."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for attribute in parts[length:]:
            if not hasattr(found, attribute):
                return False
            found = getattr(found, attribute)
        return True
    return False


@by_path
def test_a_make_target_that_is_named_exists(document: Document) -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z\-]+):", text, re.MULTILINE))
    code = "\n".join([*(f"`{span}" for span in document.code_spans()), *document.blocks("sh")])
    assert set(MAKE_TARGET.findall(code)) <= targets


@by_path
def test_a_setting_that_is_named_exists(document: Document) -> None:
    known = {setting.name for setting in settings()} | set(DEPLOYMENT) | set(MAKE)
    named = {name for span in document.code_spans() for name in SETTING.findall(span)}
    in_files = {f"{name}_FILE" for name in known}
    unknown = named - known - in_files - FOREIGN_SETTINGS
    assert {name for name in unknown if name not in source_words()} == set()


@by_path
def test_a_word_of_the_code_that_is_named_is_in_the_code(document: Document) -> None:
    # Log events, fields, columns, reasons and functions; a renamed one is found here.
    named = {span for span in document.code_spans() if SNAKE.fullmatch(span)}
    assert {word for word in named if word not in source_words()} == set()


@by_path
def test_a_metric_that_is_named_is_defined(document: Document) -> None:
    defined = {exposed_name(metric) for served in SERVED.values() for metric in served}
    named = {word for span in document.code_spans() for word in re.findall(r"runlet_\w+", span)}
    metrics = {METRIC_SUFFIX.sub("", word) for word in named if word not in PACKAGES}
    formerly = set(re.findall(r"^\| `(runlet_\w+)` \|", former_names(), re.MULTILINE))
    assert {name for name in metrics if name not in defined | formerly | networks()} == set()


def former_names() -> str:
    """The part of the runbook that says how metrics were called."""
    text = (ROOT / "docs/runbook.md").read_text(encoding="utf-8")
    return text.partition("# Names that changed")[2]


def networks() -> set[str]:
    """Names that compose and a swarm make of the project's."""
    return {"runlet_front", "runlet_broker", "runlet_runner"}


@pytest.mark.parametrize(("name", "lines"), [("README.md", 200), ("DESIGN.md", 350)])
def test_what_a_stranger_reads_first_stays_short(name: str, lines: int) -> None:
    assert len((ROOT / name).read_text(encoding="utf-8").splitlines()) < lines


def test_every_page_of_docs_is_reached_from_readme_or_design() -> None:
    named = {
        (ROOT / document.path).parent.joinpath(link.partition("#")[0]).resolve()
        for document in documents()
        for link in document.links()
    }
    pages = {path.resolve() for path in Path(ROOT, "docs").rglob("*.md")}
    assert {path.relative_to(ROOT) for path in pages - named} == set()


# How the code names its loops; a name that goes on with a number ends with a hyphen.
LOOP_NAME = re.compile(
    r'(?:\bLoop\(\s*f?|(?<!ENDLESS_)LOOP(?:_NAME)? = |\bevery\([^"]*?|name: str = |'
    r'\.loop\([^")]*)"([a-z][a-z-]+)'
)


def test_the_drawing_of_threads_names_every_loop() -> None:
    drawn = (ROOT / "DESIGN.md").read_text(encoding="utf-8").split("## Threads and connections")[1]
    drawn = drawn.split("\n## ")[0]
    packages = [path for name, path in PACKAGES.items() if name != "runlet_loop_guard"]
    texts = [path.read_text(encoding="utf-8") for each in packages for path in each.rglob("*.py")]
    names = {name for text in texts for name in LOOP_NAME.findall(text)}
    assert names
    assert {name for name in names if name not in drawn} == set()
