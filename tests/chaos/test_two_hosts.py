"""A runner on another host, with an engine of its own and no more than the broker's address."""

import os
import time
from typing import Any

import pytest

from runlet_amqp.connection import HEARTBEAT_SECONDS
from support.chaos.hosts import Hosts
from support.deployments.api_client import Platform
from support.wait_until import eventually

# Random, so that the results of two attempts can be told apart.
NAP_SECONDS = 6
PROGRAM = f"import time, uuid\ntime.sleep({NAP_SECONDS})\nprint(uuid.uuid4())"
SLOTS_OF_BOTH = 4
LIMIT_SECONDS = 3 * HEARTBEAT_SECONDS
# For two naps in a row on a busy machine.
GRACE_SECONDS = 30
REJOIN_SECONDS = 60


@pytest.mark.skipif(not os.environ.get("CHAOS_ROUNDS"), reason="two minutes: make chaos runs it")
@pytest.mark.timeout(500)
def test_work_of_a_host_that_is_cut_off_finishes_on_the_other(hosts: Hosts) -> None:
    platform = Platform(hosts.stack.gateway_urls()[0])
    executions = begin(platform)
    stranded = [each for each in executions if is_distant(runners_of(platform, each)[0])]
    assert stranded
    assert len(stranded) < len(executions)

    with hosts.cut_off():
        cut = time.monotonic()
        eventually(lambda: all_over(platform, executions), LIMIT_SECONDS + GRACE_SECONDS)
        took = time.monotonic() - cut
        ends = {each: seen(platform, each) for each in executions}
    print(f"All was over {took:.1f} s after the cut.")

    assert {end["status"] for end in ends.values()} == {"COMPLETED"}
    for each in executions:
        distant = [is_distant(runner) for runner in runners_of(platform, each)]
        assert distant == ([True, False] if each in stranded else [False])
        assert ends[each]["attempts"] == len(distant)

    # What the distant runner has to say comes when it is back, and changes nothing.
    eventually(lambda: set(stranded) <= hosts.published_late(), REJOIN_SECONDS)
    eventually(lambda: works_again(platform), REJOIN_SECONDS)
    assert {each: seen(platform, each) for each in executions} == ends
    for each in executions:
        assert [event["type"] for event in events(platform, each)].count("finished") == 1


def begin(platform: Platform) -> list[str]:
    """As many runs as both hosts have slots, all of which have started."""
    sessions = [platform.open_session(PROGRAM) for _ in range(SLOTS_OF_BOTH)]
    executions = [platform.start(session, time_limit_ms=20_000) for session in sessions]
    eventually(lambda: all(runners_of(platform, each) for each in executions))
    return executions


def works_again(platform: Platform) -> bool:
    """Whether the distant host takes work and brings it to its end."""
    executions = begin(platform)
    eventually(lambda: all_over(platform, executions), GRACE_SECONDS)
    return any(is_distant(runners_of(platform, each)[0]) for each in executions)


def all_over(platform: Platform, executions: list[str]) -> bool:
    return all(seen(platform, each)["status"] not in ("QUEUED", "RUNNING") for each in executions)


def seen(platform: Platform, execution_id: str) -> dict[str, Any]:
    answer: dict[str, Any] = platform.call("GET", f"/executions/{execution_id}").json()
    return answer


def events(platform: Platform, execution_id: str) -> list[dict[str, Any]]:
    answer = platform.call("GET", f"/executions/{execution_id}/events").json()
    listed: list[dict[str, Any]] = answer["events"]
    return listed


def runners_of(platform: Platform, execution_id: str) -> list[str]:
    """Who has started it, attempt by attempt."""
    happened = events(platform, execution_id)
    return [str(event["detail"]) for event in happened if event["type"] == "started"]


def is_distant(runner: str) -> bool:
    """The distant runner is a process on its host, the other one a container."""
    return "runner host:" in runner
