"""The secrets that a stack makes for itself when it starts."""

import base64
import hashlib
import json
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
PROGRAM = ROOT / "deploy/secrets/stack_secrets.py"
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
VARIABLES = list(COMPOSE["services"]["secrets"]["environment"])
DEFINITIONS = Path("rabbitmq-definitions/10-user.json")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the volumes of the stack are."""
    for volume in [*map(volume_of, VARIABLES), str(DEFINITIONS.parent)]:
        (tmp_path / volume).mkdir()
    return tmp_path


def volume_of(variable: str) -> str:
    return variable.lower().replace("_", "-")


def run(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, PROGRAM, *words],
        env={"SECRETS_FOLDER": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def make(folder: Path, **environment: str) -> dict[str, str]:
    """Start a stack with some settings; gives its secrets."""
    done = run(folder, "make", **environment)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    return {name: (folder / volume_of(name) / "value").read_text() for name in VARIABLES}


def test_every_secret_is_random_and_only_to_be_read(folder: Path) -> None:
    made = make(folder)

    assert all(re.fullmatch("[0-9a-f]{64}", value) for value in made.values())
    assert len(set(made.values())) == len(VARIABLES)
    for path in folder.glob("*/*"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o444


def test_they_are_made_once(folder: Path) -> None:
    assert make(folder) == make(folder)


def test_those_of_the_operator_win_also_when_they_come_later(folder: Path) -> None:
    before = make(folder, POSTGRES_PASSWORD="mine")

    after = make(folder, RABBITMQ_PASSWORD="also mine", POSTGRES_PASSWORD="")

    assert before["POSTGRES_PASSWORD"] == "mine"
    assert after == {**before, "RABBITMQ_PASSWORD": "also mine"}


def test_one_that_is_no_longer_given_holds_until_there_is_another(folder: Path) -> None:
    make(folder, SERVICE_TOKEN="a token of the operator")

    assert make(folder)["SERVICE_TOKEN"] == "a token of the operator"


@pytest.mark.parametrize("password", ["", "of the operator's: \u00e9/@"])
def test_rabbitmq_is_told_of_its_user_without_the_password(folder: Path, password: str) -> None:
    secret = make(folder, RABBITMQ_PASSWORD=password)["RABBITMQ_PASSWORD"]

    text = (folder / DEFINITIONS).read_text(encoding="utf-8")
    told = json.loads(text)
    (user,) = told["users"]
    salted = base64.b64decode(user["password_hash"])

    assert secret not in text
    assert salted[4:] == hashlib.sha256(salted[:4] + secret.encode()).digest()
    assert told["permissions"][0]["vhost"] == told["vhosts"][0]["name"] == "runlet"


def test_a_secret_can_be_shown(folder: Path) -> None:
    made = make(folder)

    shown = run(folder, "show", "CALLBACK_SECRET")

    assert (shown.returncode, shown.stdout) == (0, made["CALLBACK_SECRET"] + "\n")


def test_several_are_shown_in_the_order_they_are_asked_for_one_a_line(folder: Path) -> None:
    made = make(folder)
    asked = ["SERVICE_TOKEN", "CALLBACK_SECRET"]

    shown = run(folder, "show", *asked)

    assert shown.stdout.splitlines() == [made[name] for name in asked]


def test_a_secret_that_is_not_there_yet_is_an_error(folder: Path) -> None:
    shown = run(folder, "show", "CALLBACK_SECRET")

    assert (shown.returncode, shown.stdout) == (1, "")
    assert "start the stack first" in shown.stderr


def test_a_value_is_replaced_as_a_whole(folder: Path) -> None:
    make(folder)
    path = folder / volume_of("SERVICE_TOKEN") / "value"
    with path.open(encoding="utf-8") as opened_before:
        make(folder, SERVICE_TOKEN="another")
        assert re.fullmatch("[0-9a-f]{64}", opened_before.read())
    assert [each.name for each in path.parent.iterdir()] == ["value"]
