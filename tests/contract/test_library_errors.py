"""What a client library raises is mapped to the project's own errors at one place."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLACES = {
    "docker.errors": ("services/runner/runner/containers", "services/runner/runner/runtimes.py"),
    "pika.exceptions": ("shared/runlet_amqp",),
    "psycopg2": ("shared/runlet_postgres",),
    "sqlalchemy.exc": ("shared/runlet_postgres",),
    "urllib3.exceptions": ("services/execution-api/execution_api/runs/session_client.py",),
}


def modules_of(source: Path) -> set[str]:
    """The modules that a file imports from or as a whole."""
    imports: set[str] = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imports.update(each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            imports.add(node.module)
            imports.update(f"{node.module}.{each.name}" for each in node.names)
    return imports


def users_of(library: str) -> Iterator[str]:
    for folder in ("services", "shared"):
        for source in (ROOT / folder).rglob("*.py"):
            if library in modules_of(source):
                yield str(source.relative_to(ROOT))


@pytest.mark.parametrize("library", PLACES)
def test_one_place_knows_the_errors_of_a_library(library: str) -> None:
    users = list(users_of(library))

    assert users
    assert [user for user in users if not user.startswith(PLACES[library])] == []
