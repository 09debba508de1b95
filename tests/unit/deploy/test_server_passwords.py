"""The passwords that `make up` makes, and `make clean` forgets."""

import re
import stat
import subprocess
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parents[3] / "deploy"
PASSWORDS = {
    "POSTGRES_PASSWORD",
    "SESSION_DB_PASSWORD",
    "EXECUTION_DB_PASSWORD",
    "COLLECTOR_DB_PASSWORD",
    "RABBITMQ_PASSWORD",
}
MADE = re.compile(r"runlet-[0-9a-f]{64}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "deploy").symlink_to(DEPLOY)
    return tmp_path


def run(folder: Path, script: str, **environment: str) -> str:
    """Some shell in `folder`, with the functions of `make up`; gives what it prints."""
    whole = f"set -euo pipefail\nsource deploy/bootstrap/lib/all.sh\n{script}"
    done = subprocess.run(
        ["bash", "-c", whole],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def remembered(folder: Path) -> dict[str, str]:
    lines = (folder / ".env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_every_password_is_random_and_readable_to_the_owner_only(folder: Path) -> None:
    run(folder, "ensure_passwords")

    made = remembered(folder)
    assert set(made) == PASSWORDS
    assert all(MADE.fullmatch(value) for value in made.values())
    assert len(set(made.values())) == len(PASSWORDS)
    assert stat.S_IMODE((folder / ".env").stat().st_mode) == 0o600


def test_they_are_made_once(folder: Path) -> None:
    run(folder, "ensure_passwords")
    before = remembered(folder)

    run(folder, "ensure_passwords")

    assert remembered(folder) == before


def test_those_of_the_user_win(folder: Path) -> None:
    (folder / ".env").write_text("POSTGRES_PASSWORD=mine\n", encoding="utf-8")

    run(folder, "ensure_passwords", RABBITMQ_PASSWORD="also-mine")

    made = remembered(folder)
    assert made["POSTGRES_PASSWORD"] == "mine"
    assert "RABBITMQ_PASSWORD" not in made


def test_those_that_were_made_are_forgotten_and_those_of_the_user_are_not(folder: Path) -> None:
    (folder / ".env").write_text("POSTGRES_PASSWORD=runlet-postgres\n", encoding="utf-8")

    run(folder, "ensure_passwords; forget_secrets")

    assert remembered(folder) == {"POSTGRES_PASSWORD": "runlet-postgres"}


def test_commands_that_make_no_container_need_none(folder: Path) -> None:
    (folder / ".env").write_text("POSTGRES_PASSWORD=mine\n", encoding="utf-8")

    printed = run(folder, 'do_without_passwords; echo "${POSTGRES_PASSWORD:-} $RABBITMQ_PASSWORD"')

    assert printed == " not-known\n"
