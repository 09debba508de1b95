"""The failures that are asked for by name, each as a reader would try it."""

import pytest

from support.chaos.faults import Bench
from support.chaos.stack import ChaosStack
from support.deployments.api_client import Platform
from support.wait_until import eventually


@pytest.mark.timeout(400)
def test_queue_failure(stack: ChaosStack, platform: Platform) -> None:
    """A run that is accepted while the broker is down is done when it is back."""
    session_id = platform.open_session("print(6 * 7)")
    stack.compose("stop", "-t", "0", "rabbitmq")
    try:
        execution_id = platform.start(session_id)
        waiting = platform.call("GET", f"/executions/{execution_id}").json()
    finally:
        stack.compose("start", "rabbitmq")

    execution = _end_of(platform, execution_id)
    assert waiting["status"] == "QUEUED"
    assert (execution["status"], execution["stdout"]) == ("COMPLETED", "42\n")
    assert execution["attempts"] == 1


@pytest.mark.timeout(400)
def test_worker_crash_mid_execution(bench: Bench, platform: Platform) -> None:
    """A run whose runner is killed under it is repeated, and ends once."""
    source = "import time\ntime.sleep(3)\nprint('done')"
    execution_id = platform.start(platform.open_session(source))
    eventually(lambda: _status(platform, execution_id) == "RUNNING")

    bench.stack.kill("runner")

    execution = _end_of(platform, execution_id)
    events = platform.call("GET", f"/executions/{execution_id}/events").json()["events"]
    assert (execution["status"], execution["stdout"]) == ("COMPLETED", "done\n")
    assert execution["attempts"] == 2
    assert [event["type"] for event in events].count("finished") == 1


@pytest.mark.timeout(400)
def test_timeout(platform: Platform) -> None:
    """A program that does not end is ended, and what it printed is kept."""
    execution = platform.run("print('begun')\nwhile True: pass", time_limit_ms=500)

    assert (execution["status"], execution["reason"]) == ("TIMEOUT", "time_limit")
    assert execution["stdout"] == "begun\n"


def _status(platform: Platform, execution_id: str) -> str:
    status: str = platform.call("GET", f"/executions/{execution_id}").json()["status"]
    return status


def _end_of(platform: Platform, execution_id: str) -> dict[str, object]:
    eventually(lambda: _status(platform, execution_id) not in ("QUEUED", "RUNNING"), 60)
    return platform.result(execution_id)
