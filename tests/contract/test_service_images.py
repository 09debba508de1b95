"""An image holds what its service imports, and nothing that it does not need."""

import ast
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = ("session-api", "execution-api", "runner", "result-collector")
# Started by name, never imported: the server of the APIs, their migrations, the driver in a URL.
BY_NAME = {"gunicorn", "alembic", "psycopg2"}


def imported_by(folder: Path) -> set[str]:
    """The top-level names that the Python files of a folder import."""
    names: set[str] = set()
    for file in folder.rglob("*.py"):
        names.update(_imports(ast.parse(file.read_text(encoding="utf-8"))))
    return names - set(sys.stdlib_module_names)


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


def shared_packages(service: str) -> set[str]:
    return set((ROOT / "services" / service / "shared-packages").read_text().split())


def all_imports(service: str) -> set[str]:
    names = imported_by(ROOT / "services" / service)
    for package in shared_packages(service):
        names |= imported_by(ROOT / "shared" / package)
    return names


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_has_the_shared_packages_that_its_service_imports(service: str) -> None:
    needed = {name for name in all_imports(service) if (ROOT / "shared" / name).is_dir()}

    assert shared_packages(service) == needed | {"runlet"}


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_has_the_distributions_that_its_service_imports(service: str) -> None:
    lock = (ROOT / "services" / service / "requirements.lock").read_text(encoding="utf-8")
    locked = {line.split("==")[0].lower() for line in lock.splitlines() if "==" in line}
    of_module = metadata.packages_distributions()
    for name in all_imports(service) & set(of_module):
        candidates = {each.lower().replace("_", "-") for each in of_module[name]}
        assert candidates & locked, f"{service} imports {name}, which its lock file lacks"


def test_the_runner_holds_no_web_framework_and_no_database_driver() -> None:
    lock = (ROOT / "services/runner/requirements.lock").read_text(encoding="utf-8")

    for name in ("flask", "gunicorn", "psycopg2", "sqlalchemy", "tree-sitter"):
        assert name not in lock


def test_versions_agree_between_the_services_and_the_tests() -> None:
    tests = _versions(ROOT / "tests" / "requirements.lock")
    for service in SERVICES:
        mine = _versions(ROOT / "services" / service / "requirements.lock")
        assert {name: tests[name] for name in mine} == mine


def _versions(lock: Path) -> dict[str, str]:
    lines = lock.read_text(encoding="utf-8").splitlines()
    pairs = (line.split(" ")[0].split("==") for line in lines if "==" in line)
    return {name.lower(): version for name, version in pairs}
