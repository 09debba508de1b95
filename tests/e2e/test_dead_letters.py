import json
import os
import shlex
import subprocess
from typing import Any

from support.databases.dead_letters import fail_while_running, send_malformed
from support.deployments.api_client import Platform, required


def command(*arguments: str) -> Any:
    """What the command line in the execution API's container answers."""
    compose = shlex.split(required("RUNLET_TEST_COMPOSE"))
    python = ["exec", "-T", "execution-api", "python", "-m", "execution_api.dead_letters.cli"]
    done = subprocess.run(
        [*compose, *python, "--json", *arguments],
        env={**os.environ, "COMPOSE_INTERACTIVE_NO_CLI": "1"},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_malformed_request_becomes_a_dead_letter_that_can_only_be_deleted(
    gateway: Platform,
) -> None:
    path = f"/dead-letters/{send_malformed(gateway)['id']}"

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
