"""What must be true once a fault is over and the load has ended."""

import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import requests

from runlet_amqp.connection import connect
from support.chaos.faults import Bench, queue_names
from support.chaos.load import Run
from support.chaos.stack import ChaosStack
from support.deployments.api_client import Platform

# RabbitMQ counts what quorum queues hold every 5 seconds.
SECONDS_UNTIL_COUNTED = 6.0
# The reaper removes what nobody holds when it sees it for the second time, every 30 seconds.
SETTLING_SECONDS = 180.0
LOOK_EVERY_SECONDS = 0.5
POOL_SIZE = 2
MOST_SHOWN = 5
# Of those too whose caller never got the answer that it was accepted.
NOT_ENDED = "SELECT id, status, attempts FROM executions WHERE status IN ('QUEUED', 'RUNNING')"
TERMINAL_EVENTS = frozenset({"finished", "dead_lettered", "cancelled", "lost"})


def check_promises(platform: Platform, runs: list[Run]) -> None:
    """Every accepted run has ended once, reads the same again, and has the right answer."""
    accepted = [run for run in runs if run.execution_id]
    with ThreadPoolExecutor(4) as readers:
        looks = list(readers.map(lambda run: _promise_broken(platform, run), accepted))
    problems = [problem for problem in looks if problem]
    assert not problems, f"{len(problems)} of {len(accepted)}: {problems[:MOST_SHOWN]}"
    defects = [defect for run in runs for defect in run.defects]
    assert not defects, defects[:MOST_SHOWN]


def _promise_broken(platform: Platform, run: Run) -> str | None:
    if not run.right:
        return f"{run.execution_id}: {run.answer or run.defects}"
    again = platform.call("GET", f"/executions/{run.execution_id}").json()
    if again != run.answer:
        return f"{run.execution_id} reads {again} after {run.answer}"
    happened = platform.call("GET", f"/executions/{run.execution_id}/events").json()["events"]
    ends = [event for event in happened if event["type"] in TERMINAL_EVENTS]
    return None if len(ends) == 1 else f"{run.execution_id} ended {len(ends)} times: {happened}"


def check_nothing_is_left(bench: Bench, quiet_since: float) -> None:
    """No execution without an end, no message, no row in the outbox, no container but idle ones."""
    _wait_for_none("executions that have not ended", lambda: bench.stack.query(NOT_ENDED))
    _wait_for_none("ready messages", lambda: _ready(bench))
    _wait_for_none("rows in the outbox", lambda: bench.stack.query("SELECT * FROM outbox"))
    time.sleep(max(0.0, quiet_since + SECONDS_UNTIL_COUNTED - time.monotonic()))
    _wait_for_none("messages", lambda: messages_in_queues(bench.stack))
    _wait_for_none("strange sandboxes", lambda: _strange_sandboxes(bench))


def _wait_for_none(what: str, look: Callable[[], Collection[object]]) -> None:
    deadline = time.monotonic() + SETTLING_SECONDS
    while seen := look():
        assert time.monotonic() < deadline, f"{what} are left: {seen}"
        time.sleep(LOOK_EVERY_SECONDS)


def _ready(bench: Bench) -> dict[str, int]:
    with connect(bench.stack.amqp_url(), "chaos") as connection:
        channel = connection.channel()
        counts = {
            name: channel.queue_declare(name, passive=True).method.message_count
            for name in queue_names()
        }
    return {name: count for name, count in counts.items() if count}


def messages_in_queues(stack: ChaosStack) -> dict[str, int]:
    """Queues with messages, ready or unacknowledged, as RabbitMQ last counted them."""
    address = urlsplit(stack.management_url())
    url = f"http://{address.hostname}:{address.port}/api/queues/runlet"
    credentials = (address.username or "", address.password or "")
    queues = requests.get(url, auth=credentials, timeout=60).json()
    return {queue["name"]: queue["messages"] for queue in queues if queue.get("messages")}


def _strange_sandboxes(bench: Bench) -> list[dict[str, Any]]:
    """Containers of the runners' engine that are not idle ones of a living runner."""
    living = [container.id[:12] for container in bench.stack.containers("runner")]
    sandboxes = bench.engine.sandboxes()
    strange = [
        sandbox
        for sandbox in sandboxes
        if sandbox["State"] != "running"
        or not any(owner in sandbox["Labels"].get("runlet.runner", "") for owner in living)
    ]
    surplus = len(sandboxes) - POOL_SIZE * len(living)
    return strange or (sandboxes if surplus > 0 else [])
