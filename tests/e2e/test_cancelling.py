from support.deployments.api_client import Platform
from support.wait_until import eventually

ENDLESS = "print('begun', flush=True)\nwhile True: pass"


def start_and_see_running(gateway: Platform, session_id: str) -> str:
    """An execution that will run for a minute; its id, once it runs."""
    execution_id = gateway.start(session_id, time_limit_ms=60_000)
    path = f"/executions/{execution_id}"
    eventually(lambda: gateway.call("GET", path).json()["status"] == "RUNNING")
    return execution_id


def test_an_endless_loop_is_cancelled_and_its_session_runs_on(gateway: Platform) -> None:
    session_id = gateway.open_session(ENDLESS)
    execution_id = start_and_see_running(gateway, session_id)

    answer = gateway.call("POST", f"/executions/{execution_id}/cancel")
    cancelled = gateway.result(execution_id)
    next_run = gateway.result(gateway.start(session_id, source_code="print(1)"))

    assert (answer.status_code, answer.json()["execution_id"]) == (202, execution_id)
    assert (cancelled["status"], cancelled["reason"]) == ("CANCELLED", "cancelled")
    assert cancelled["finished_at"] is not None
    assert (next_run["status"], next_run["stdout"]) == ("COMPLETED", "1\n")


def test_what_was_printed_before_it_was_cancelled_is_kept(gateway: Platform) -> None:
    source = "import sys\nprint('out', flush=True)\nprint('err', file=sys.stderr)\nwhile True: pass"
    execution_id = start_and_see_running(gateway, gateway.open_session(source))
    # Time enough to print.
    gateway.call("GET", f"/executions/{execution_id}?wait=3")

    gateway.call("POST", f"/executions/{execution_id}/cancel")

    execution = gateway.result(execution_id)
    assert (execution["status"], execution["reason"]) == ("CANCELLED", "cancelled")
    assert (execution["stdout"], execution["stderr"]) == ("out\n", "err\n")


def test_cancelling_twice_while_it_runs_is_fine(gateway: Platform) -> None:
    execution_id = start_and_see_running(gateway, gateway.open_session(ENDLESS))
    path = f"/executions/{execution_id}/cancel"

    first = gateway.call("POST", path)
    again = gateway.call("POST", path)

    # The runner may have stopped it in between.
    assert first.status_code == 202
    assert again.status_code in (202, 409)
    assert gateway.result(execution_id)["status"] == "CANCELLED"


def test_a_finished_execution_is_not_cancelled(gateway: Platform) -> None:
    execution = gateway.run("print(1)")

    refused = gateway.call("POST", f"/executions/{execution['execution_id']}/cancel")

    assert (refused.status_code, refused.json()["status"]) == (409, "COMPLETED")
    assert gateway.result(execution["execution_id"]) == execution


def test_an_unknown_execution_is_not_found_when_it_is_cancelled(platform: Platform) -> None:
    answer = platform.call("POST", "/executions/00000000-0000-0000-0000-000000000007/cancel")

    assert answer.status_code == 404
