"""Every secret of every service may stand in a file: NAME_FILE in place of NAME."""

import dataclasses
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from execution_api.config import ApiConfig as ExecutionApiConfig
from execution_api.config import CommandConfig, RelayConfig
from result_collector.config import Config as CollectorConfig
from runlet import config
from runner.config import Config as RunnerConfig
from session_api.config import Config as SessionApiConfig
from support.databases import databases

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

ROOT = Path(__file__).parents[2]
MIGRATIONS = {
    "session-api": ROOT / "services/session-api/session_api/alembic.ini",
    "execution-api": ROOT / "services/execution-api/execution_api/alembic.ini",
}
VALUES = {
    "amqp_url": "amqp://runlet:a-password@rabbitmq:5672/runlet",
    "api_tokens": "backend:0123456789abcdef",
}
# Read again whenever it changes, so it is a setting of its own.
WATCHED = {"api_tokens"}
CONFIGS = [
    SessionApiConfig,
    ExecutionApiConfig,
    RelayConfig,
    CommandConfig,
    RunnerConfig,
    CollectorConfig,
]


@pytest.fixture
def database() -> Iterator[str]:
    server = os.environ.get(databases.URL_VARIABLE)
    assert server, databases.MISSING_URL
    url = databases.create_database(server)
    try:
        yield url
    finally:
        databases.drop_database(server, url)


@pytest.mark.parametrize("config_type", CONFIGS)
def test_a_service_reads_its_secrets_from_files(
    config_type: "type[DataclassInstance]", tmp_path: Path
) -> None:
    fields = dataclasses.fields(config_type)
    secrets = {field.name for field in fields if not field.repr} - WATCHED
    environ = {"SESSION_API_URL": "http://session-api:8001"}
    for name in secrets:
        value = VALUES.get(name, f"the-secret-of-{name}")
        (tmp_path / name).write_text(f"{value}\n", encoding="utf-8")
        environ[f"{name.upper()}_FILE"] = str(tmp_path / name)

    loaded = config.load(config_type, environ)

    assert secrets
    for name in secrets:
        assert getattr(loaded, name) == VALUES.get(name, f"the-secret-of-{name}")
        assert getattr(loaded, name) not in repr(loaded)


@pytest.mark.parametrize("service", MIGRATIONS)
def test_migrations_read_the_address_of_their_database_from_a_file(
    service: str, database: str, tmp_path: Path
) -> None:
    address = tmp_path / "database-url"
    address.write_text(f"{database}\n", encoding="utf-8")

    upgraded = run("alembic", "-c", str(MIGRATIONS[service]), "upgrade", "head", file=address)

    assert upgraded.returncode == 0, upgraded.stderr


@pytest.mark.parametrize("service", MIGRATIONS)
def test_migrations_name_a_file_that_is_not_there(service: str, tmp_path: Path) -> None:
    missing = tmp_path / "missing"

    failed = run("alembic", "-c", str(MIGRATIONS[service]), "upgrade", "head", file=missing)

    assert failed.returncode != 0
    assert f"DATABASE_URL_FILE names {missing}" in failed.stdout + failed.stderr


def test_the_command_line_reads_the_address_from_a_file(database: str, tmp_path: Path) -> None:
    databases.migrate(MIGRATIONS["execution-api"], database)
    address = tmp_path / "database-url"
    address.write_text(database, encoding="utf-8")

    listed = run("execution_api.dead_letters.cli", "list", file=address)

    assert listed.returncode == 0, listed.stderr


def run(module: str, *arguments: str, file: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env={
            **environment,
            "DATABASE_URL_FILE": str(file),
            "PYTHONPATH": os.pathsep.join(sys.path),
        },
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
