import json
import os
import shlex
import subprocess
from typing import Any
from uuid import uuid4

from runlet.broker import outgoing, topology
from runlet.broker.outgoing import OutgoingMessage
from support import broker
from support.eventually import eventually
from support.platform import Platform, required

REQUEST = "run.requested.v1"
SLOW = "import time\ntime.sleep(5)\nprint('done')"


def publish(message: OutgoingMessage) -> None:
    """Publish where the stack listens."""
    broker.publish(f"{required(broker.AMQP_VARIABLE).rstrip('/')}/runlet", message)


def letter_of(gateway: Platform, execution_id: str) -> dict[str, Any]:
    """The dead letter of an execution, once there is one."""

    def find() -> list[dict[str, Any]]:
        letters = gateway.call("GET", "/dead-letters?limit=100").json()["dead_letters"]
        return [letter for letter in letters if letter["execution_id"] == execution_id]

    [letter] = eventually(find)
    return letter


def command(*arguments: str) -> Any:
    """What the command line in the execution API's container answers."""
    compose = shlex.split(required("RUNLET_TEST_COMPOSE"))
    python = ["exec", "-T", "execution-api", "python", "-m", "execution_api.dead_letters_cli"]
    done = subprocess.run(
        [*compose, *python, "--json", *arguments],
        env={**os.environ, "COMPOSE_INTERACTIVE_NO_CLI": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def fail_while_running(gateway: Platform) -> tuple[str, dict[str, Any]]:
    """An execution that the platform gave up, and its dead letter."""
    execution_id = gateway.start(gateway.open_session(SLOW), time_limit_ms=20_000)
    path = f"/executions/{execution_id}"
    eventually(lambda: gateway.call("GET", path).json()["status"] == "RUNNING")
    publish(outgoing.dead_letter(REQUEST, b"{}", execution_id, "It was given up.", None))
    failed = gateway.result(execution_id)
    assert (failed["status"], failed["reason"]) == ("FAILED", "infrastructure")
    assert "It was given up." in failed["feedback"][0]["message"]
    return execution_id, letter_of(gateway, execution_id)


def test_a_malformed_request_becomes_a_dead_letter_that_can_only_be_deleted(
    gateway: Platform,
) -> None:
    execution_id = str(uuid4())
    publish(OutgoingMessage(topology.RUNS, "python", REQUEST, b"{", execution_id))

    letter = letter_of(gateway, execution_id)
    path = f"/dead-letters/{letter['id']}"

    assert gateway.call("POST", f"{path}/requeue").status_code == 409
    assert gateway.call("DELETE", path).status_code == 204
    assert gateway.call("DELETE", path).status_code == 404


def test_a_requeued_execution_completes(gateway: Platform) -> None:
    execution_id, letter = fail_while_running(gateway)

    answer = gateway.call("POST", f"/dead-letters/{letter['id']}/requeue")
    execution = gateway.result(execution_id)

    assert answer.status_code == 202
    assert answer.json() == {"execution_id": execution_id, "status": "QUEUED"}
    assert (execution["status"], execution["stdout"]) == ("COMPLETED", "done\n")
    assert (execution["attempts"], execution["feedback"]) == (2, [])


def test_the_same_from_the_command_line(gateway: Platform) -> None:
    execution_id, letter = fail_while_running(gateway)

    listed = command("list", "--limit", "1000")["dead_letters"]
    answer = command("requeue", letter["id"])

    assert letter["id"] in [entry["id"] for entry in listed]
    assert answer == {"execution_id": execution_id, "status": "QUEUED"}
    assert gateway.result(execution_id)["status"] == "COMPLETED"
