"""Whatever clients/python/README.md shows can be done as it stands there."""

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.databases.dead_letters import fail_while_running, send_malformed
from support.deployments.api_client import Platform
from support.http.client_process import CLIENT, COMMAND, END_SECONDS, environment

README = (CLIENT / "README.md").read_text(encoding="utf-8")
FILES = {
    "main.py": "import sys\nprint(sys.argv[1:], sys.stdin.read())",
    "main.c": '#include <stdio.h>\nint main(void) { return !fopen("data/words.txt", "r"); }',
    "program.txt": "print('a program')",
    "input.txt": "input",
    "words.txt": "one\ntwo\n",
}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def shown_commands() -> list[str]:
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    return [line for line in lines if line.startswith("runlet ")]


def active(gateway: Platform) -> str:
    return gateway.start(gateway.open_session("import time\ntime.sleep(50)"), time_limit_ms=60_000)


def finished(gateway: Platform) -> str:
    return str(gateway.run("print(1)")["execution_id"])


def failed_letter(gateway: Platform) -> str:
    return str(fail_while_running(gateway)[1]["id"])


def any_letter(gateway: Platform) -> str:
    return str(send_malformed(gateway)["id"])


# What an id in a command stands for, by the words before it.
IDS: dict[str, Callable[[Platform], str]] = {
    "runlet status": finished,
    "runlet cancel": active,
    "runlet dead-letters requeue": failed_letter,
    "runlet dead-letters delete": any_letter,
}


def with_ids(command: str, gateway: Platform) -> str:
    words, placeholder, _ = command.partition(" EXECUTION_ID" if "EXECUTION" in command else " ID")
    return f"{words} {IDS[words](gateway)}" if placeholder else command


@pytest.mark.parametrize("shown", shown_commands())
def test_a_command_that_is_shown_works(gateway: Platform, tmp_path: Path, shown: str) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    function = f'runlet() {{ {shlex.join(COMMAND)} "$@"; }}'
    done = subprocess.run(
        ["bash", "-c", f"{function}\n{with_ids(shown, gateway)}"],
        cwd=tmp_path,
        env=environment(gateway.base_url),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=END_SECONDS,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout or "main.c" in shown


@pytest.mark.parametrize(
    ("block", "output"),
    list(zip(blocks("python"), ("COMPLETED olleH\n", "42\n"), strict=True)),
    ids=["blocking", "asyncio"],
)
def test_a_program_that_is_shown_works(gateway: Platform, block: str, output: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", block],
        env=environment(gateway.base_url),
        capture_output=True,
        text=True,
        timeout=END_SECONDS,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(output)
