"""Every way in which an execution can end, as its status and reason tell it, and every feedback.

`lost` takes runners that die, and is among the chaos tests.
"""

from dataclasses import dataclass
from datetime import datetime

import pytest

from support.databases.dead_letters import fail_while_running
from support.deployments.api_client import Platform
from support.deployments.deployments import Deployment
from support.deployments.token_deployment import GuardedPlatform
from support.http.contract_walk import check_problem

KILLED, SEGMENTATION_FAULT = 9, 11


@dataclass(frozen=True)
class Ending:
    """A program, and what becomes of it."""

    source: str
    status: str
    reason: str | None
    exit_code: int | None
    signal: int | None = None
    language: str = "python"
    time_limit_ms: int = 5000

    def __str__(self) -> str:
        return f"{self.language} {self.status} {self.reason}"


ENDINGS = (
    Ending("print('all is well')", "COMPLETED", None, 0),
    Ending("import sys\nsys.exit(3)", "FAILED", "nonzero_exit", 3),
    Ending("import os\nos.kill(os.getpid(), 11)", "FAILED", "signal", None, SEGMENTATION_FAULT),
    Ending("x = bytearray(10**9)\nprint(sum(x))", "FAILED", "memory_limit", None, KILLED),
    Ending("while True: print('x' * 1000)", "FAILED", "output_limit", None, KILLED),
    Ending("int main(void) { return x; }", "FAILED", "compile_error", None, language="c"),
    Ending("while True: pass", "TIMEOUT", "time_limit", None, KILLED, time_limit_ms=300),
)


@pytest.mark.parametrize("ending", ENDINGS, ids=str)
def test_a_program_ends_as_the_contract_says(gateway: Platform, ending: Ending) -> None:
    execution = gateway.run(
        ending.source, ending.language, time_limit_ms=ending.time_limit_ms, memory_limit_mb=128
    )

    assert (execution["status"], execution["reason"]) == (ending.status, ending.reason)
    assert (execution["exit_code"], execution["signal"]) == (ending.exit_code, ending.signal)
    times = [execution[f"{step}_at"] for step in ("created", "queued", "started", "finished")]
    assert sorted(times, key=datetime.fromisoformat) == times


def test_what_the_platform_gives_up_failed_with_infrastructure(gateway: Platform) -> None:
    execution_id, letter = fail_while_running(gateway)

    execution = gateway.call("GET", f"/executions/{execution_id}").json()
    assert (execution["status"], execution["reason"]) == ("FAILED", "infrastructure")
    assert set(letter) == {"id", "execution_id", "reason", "attempts", "at"}


def test_too_much_output_is_cut_off_at_its_limit_and_said_so(gateway: Platform) -> None:
    execution = gateway.run("while True: print('x' * 1000)")

    assert len(execution["stdout"]) == 1_048_576
    assert (execution["stdout_truncated"], execution["stderr_truncated"]) == (True, False)


def test_an_error_is_explained_with_its_line(gateway: Platform) -> None:
    [remark] = gateway.run("x = 1\nprint(y)")["feedback"]

    assert (remark["line"], remark["kind"]) == (2, "NameError")
    assert "'y'" in remark["message"]


def test_an_endless_loop_is_pointed_at_or_refused_as_the_deployment_wants(
    gateway: Platform, guarded: Deployment
) -> None:
    source = "print(1)\nwhile True:\n    pass"
    warned = gateway.run(source, time_limit_ms=300)
    strict = GuardedPlatform(guarded.gateway_url)
    session_id = strict.open_session(source)
    refused = strict.call("POST", f"/code-sessions/{session_id}/run")

    assert ("endless_loop", 2) in [(each["kind"], each["line"]) for each in warned["feedback"]]
    assert "line 2" in str(check_problem(refused, 422)["errors"]).lower()
    listed = strict.call("GET", f"/code-sessions/{session_id}/executions").json()
    assert listed["executions"] == []
