"""A result field is written down where it is described, made and read, and nowhere else."""

from support.documents.markdown import ROOT

# One that no module has a use of its own for.
FIELD = "cpu_time_ms"
SOURCES = ("shared", "services", "clients")
MIGRATIONS = "services/execution-api/execution_api/migrations"
# And in a migration, which makes its column.
PLACES = {
    "shared/runlet/execution.py",
    "services/runner/runner/sandbox/verdict.py",
    "clients/python/runlet_client/models.py",
}


def test_a_result_field_stands_in_three_modules_and_a_migration() -> None:
    modules = (path for folder in SOURCES for path in (ROOT / folder).rglob("*.py"))
    named = {
        path.relative_to(ROOT).as_posix()
        for path in modules
        if FIELD in path.read_text(encoding="utf-8")
    }
    assert {name for name in named if not name.startswith(MIGRATIONS)} == PLACES
