"""The command line while a program still runs."""

import signal
import subprocess
from pathlib import Path
from uuid import uuid4

import pytest

from support.deployments.api_client import Platform
from support.http.client_process import END_SECONDS, finished, started

# Nothing but its end ends it: what was read before came while it ran.
ENDLESS = "import time\nprint('{}', flush=True)\ntime.sleep(50)\nprint('not reached')\n"
LONG = ("--time-limit", "60000")


@pytest.fixture
def marker() -> str:
    """What the program prints first, by which its session is found."""
    return f"first {uuid4()}"


@pytest.fixture
def source(tmp_path: Path, marker: str) -> Path:
    source = tmp_path / "main.py"
    source.write_text(ENDLESS.format(marker), encoding="utf-8")
    return source


def execution_of(platform: Platform, marker: str) -> str:
    """The one execution of the session whose program has the marker in it."""
    sessions = platform.call("GET", "/code-sessions?limit=50").json()["sessions"]
    [session_id] = [each["session_id"] for each in sessions if marker in each["source_code"]]
    path = f"/code-sessions/{session_id}/executions"
    [execution] = platform.call("GET", path).json()["executions"]
    return str(execution["execution_id"])


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_output_is_shown_while_the_program_runs_until_it_is_cancelled(
    platform: Platform, source: Path, marker: str
) -> None:
    url = platform.base_url
    with started(url, "run", str(source), *LONG) as running:
        assert first_line(running) == f"{marker}\n"
        execution_id = execution_of(platform, marker)
        meanwhile = platform.call("GET", f"/executions/{execution_id}").json()["status"]
        shown = finished(url, "status", execution_id)
        cancelled = finished(url, "cancel", execution_id)
        rest, said = running.communicate(timeout=END_SECONDS)

    assert meanwhile == "RUNNING"
    assert "RUNNING" in shown.stdout
    assert (cancelled.returncode, cancelled.stderr) == (0, "")
    assert execution_id in cancelled.stdout
    assert (running.returncode, rest) == (130, "")
    assert "cancelled" in said
    assert platform.result(execution_id)["status"] == "CANCELLED"


def test_an_interrupt_cancels_the_execution(gateway: Platform, source: Path, marker: str) -> None:
    with started(gateway.base_url, "run", str(source), *LONG) as running:
        assert first_line(running) == f"{marker}\n"
        running.send_signal(signal.SIGINT)
        rest, _ = running.communicate(timeout=END_SECONDS)

    assert (running.returncode, rest) == (130, "")
    assert gateway.result(execution_of(gateway, marker))["status"] == "CANCELLED"


def test_lines_come_one_by_one_and_the_exit_code_is_the_programs(
    gateway: Platform, source: Path, marker: str
) -> None:
    program = "import sys, time\nprint('{}', flush=True)\ntime.sleep(3)\nprint('last')\nsys.exit(7)"
    source.write_text(program.format(marker), encoding="utf-8")
    with started(gateway.base_url, "run", str(source)) as running:
        assert first_line(running) == f"{marker}\n"
        meanwhile = running.poll()
        rest, said = running.communicate(timeout=END_SECONDS)

    assert meanwhile is None
    assert (running.returncode, rest, said) == (7, "last\n", "")


def test_what_is_over_is_not_cancelled(gateway: Platform) -> None:
    execution = gateway.run("print(1)")

    refused = finished(gateway.base_url, "cancel", execution["execution_id"])

    assert (refused.returncode, refused.stdout) == (1, "")
    assert "COMPLETED" in refused.stderr
