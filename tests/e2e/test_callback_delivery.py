"""Callbacks of the stack under test to a receiver in a container, at a private address."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests

from support.deployments.api_client import Platform, required
from support.deployments.deployments import PROJECT_LABEL, Deployment, StackUnderTest
from support.deployments.token_deployment import GuardedPlatform
from support.http import callback_target
from support.wait_until import eventually

# As deploy/bootstrap/lib/test-stack.sh allows it.
HOST = f"callback-receiver:{callback_target.PORT}"

Kept = dict[str, Any]


@pytest.fixture(scope="module")
def receiver(stack: StackUnderTest) -> Iterator[Platform]:
    """Where the tests see what has come to the receiver."""
    port = f"{callback_target.PORT}/tcp"
    network = f"{stack.project}_outside"
    container = stack.engine.containers.create(
        stack.containers("result-collector")[0].image.id,
        ["python", "-c", Path(callback_target.__file__).read_text(encoding="utf-8")],
        network=network,
        ports={port: ("127.0.0.1", None)},
        labels={PROJECT_LABEL: stack.copies_project},
        healthcheck={"test": ["NONE"]},
    )
    try:
        outside = stack.engine.networks.get(network)
        outside.disconnect(container)
        outside.connect(container, aliases=[HOST.partition(":")[0]])
        container.start()
        container.reload()
        [published, *_] = container.attrs["NetworkSettings"]["Ports"][port]
        platform = Platform(f"http://127.0.0.1:{published['HostPort']}")
        eventually(lambda: _answers(platform))
        yield platform
    finally:
        container.remove(force=True)


def _answers(platform: Platform) -> bool:
    with suppress(requests.ConnectionError):
        return platform.call("GET", "/").status_code == 200
    return False


def wait_for_calls(receiver: Platform, path: str, count: int) -> list[Kept]:
    """The calls to a path, once there are so many."""
    calls: list[Kept] = eventually(
        lambda: found if len(found := receiver.call("GET", path).json()) >= count else []
    )
    return calls


def is_genuine(call: Mapping[str, Any], body: str) -> bool:
    """The check that docs/api.md shows to receivers."""
    timestamp, signature = (
        call["headers"][f"X-Runlet-{name}"] for name in ("Timestamp", "Signature")
    )
    secret = required("CALLBACK_SECRET").encode()
    expected = hmac.new(secret, timestamp.encode() + b"." + body.encode(), hashlib.sha256)
    return hmac.compare_digest(f"sha256={expected.hexdigest()}", signature)


def test_a_receiver_that_was_away_is_told_again_and_can_check_who_tells(
    gateway: Platform, receiver: Platform
) -> None:
    path = f"/once-away/{uuid4()}"
    execution = gateway.run("print('told')", callback_url=f"http://{HOST}{path}")

    calls = wait_for_calls(receiver, path, 2)

    assert [call["status"] for call in calls] == [503, 204]
    assert [json.loads(call["body"]) for call in calls] == [execution, execution]
    assert execution["stdout"] == "told\n"
    for call in calls:
        assert call["headers"]["X-Runlet-Execution"] == execution["execution_id"]
        assert call["headers"]["Content-Type"] == "application/json"
        assert abs(time.time() - int(call["headers"]["X-Runlet-Timestamp"])) < 300
        assert is_genuine(call, call["body"])
        assert not is_genuine(call, call["body"].replace("told", "lies"))


@pytest.mark.parametrize(
    ("source", "status"),
    [("import sys\nsys.exit(3)", "FAILED"), ("while True: pass", "TIMEOUT")],
)
def test_every_end_is_told(gateway: Platform, receiver: Platform, source: str, status: str) -> None:
    path = f"/{uuid4()}"
    execution = gateway.run(source, callback_url=f"http://{HOST}{path}", time_limit_ms=500)

    [call] = wait_for_calls(receiver, path, 1)

    assert json.loads(call["body"]) == execution
    assert execution["status"] == status
    assert is_genuine(call, call["body"])


def test_also_that_it_was_cancelled(gateway: Platform, receiver: Platform) -> None:
    path = f"/{uuid4()}"
    session_id = gateway.open_session("import time\ntime.sleep(30)")
    execution_id = gateway.start(
        session_id, callback_url=f"http://{HOST}{path}", time_limit_ms=40_000
    )
    gateway.call("POST", f"/executions/{execution_id}/cancel")

    [call] = wait_for_calls(receiver, path, 1)

    assert json.loads(call["body"])["status"] == "CANCELLED"


@pytest.mark.parametrize(
    "url",
    [
        f"http://{HOST.partition(':')[0]}/",
        f"http://{HOST}1/",
        f"http://user@{HOST}/",
        "http://postgres:5432/",
        "http://127.0.0.1:8090/",
        "http://169.254.169.254/",
        f"ftp://{HOST}/",
    ],
)
def test_what_is_not_on_the_list_is_not_called(gateway: Platform, url: str) -> None:
    session_id = gateway.open_session("print(1)")

    refused = gateway.call("POST", f"/code-sessions/{session_id}/run", json={"callback_url": url})

    assert (refused.status_code, list(refused.json()["errors"])) == (422, ["callback_url"])


def test_without_a_list_there_are_no_callbacks(guarded: Deployment) -> None:
    platform = GuardedPlatform(guarded.gateway_url)
    session_id = platform.open_session("print(1)")

    refused = platform.call(
        "POST", f"/code-sessions/{session_id}/run", json={"callback_url": f"http://{HOST}/"}
    )

    assert refused.status_code == 422
    assert "not enabled" in refused.json()["errors"]["callback_url"][0]
