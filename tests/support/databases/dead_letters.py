"""Executions that the platform gave up, in a running stack."""

from typing import Any
from uuid import uuid4

from runlet import topology
from runlet_amqp import envelopes
from runlet_amqp.envelopes import Envelope
from support.broker import vhosts
from support.deployments.api_client import Platform, required
from support.wait_until import eventually

REQUEST = "run.requested.v1"
SLOW = "import time\ntime.sleep(5)\nprint('done')"


def publish(message: Envelope) -> None:
    """Publish where the stack listens."""
    vhosts.publish(f"{required(vhosts.AMQP_VARIABLE).rstrip('/')}/runlet", message)


def letter_of(platform: Platform, execution_id: str) -> dict[str, Any]:
    """The dead letter of an execution, once there is one."""

    def find() -> list[dict[str, Any]]:
        letters = platform.call("GET", "/dead-letters?limit=100").json()["dead_letters"]
        return [letter for letter in letters if letter["execution_id"] == execution_id]

    [letter] = eventually(find)
    return letter


def send_malformed(platform: Platform) -> dict[str, Any]:
    """The dead letter of a request that no runner can read."""
    execution_id = str(uuid4())
    publish(Envelope(topology.RUNS, "python", REQUEST, b"{", execution_id))
    return letter_of(platform, execution_id)


def fail_while_running(platform: Platform) -> tuple[str, dict[str, Any]]:
    """An execution that the platform gave up, and its dead letter."""
    execution_id = platform.start(platform.open_session(SLOW), time_limit_ms=20_000)
    path = f"/executions/{execution_id}"
    eventually(lambda: platform.call("GET", path).json()["status"] == "RUNNING")
    publish(envelopes.dead_letter(REQUEST, b"{}", execution_id, "It was given up.", None))
    failed = platform.result(execution_id)
    assert (failed["status"], failed["reason"]) == ("FAILED", "infrastructure")
    assert "It was given up." in failed["feedback"][0]["message"]
    return execution_id, letter_of(platform, execution_id)
