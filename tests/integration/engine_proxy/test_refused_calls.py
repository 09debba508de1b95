"""What a taken-over runner would ask the engine for, and does not get."""

from typing import Any
from uuid import uuid4

import pytest

from support.sandboxes.engine_proxy import EngineProxy, sandbox_name

V = "/v1.41"
ON_A_CONTAINER = [
    ("GET", "json"),
    ("GET", "logs?stdout=1&stderr=1"),
    ("GET", "archive?path=/etc"),
    ("HEAD", "archive?path=/etc"),
    ("PUT", "archive?path=/etc"),
    ("GET", "export"),
    ("GET", "changes"),
    ("GET", "top"),
    ("GET", "stats?stream=0"),
    ("GET", "attach/ws?stdin=1&stdout=1&stream=1"),
    ("POST", "attach?stdin=1&stdout=1&stderr=1&stream=1&logs=1"),
    ("POST", "exec"),
    ("POST", "kill"),
    ("POST", "stop"),
    ("POST", "restart"),
    ("POST", "pause"),
    ("POST", "unpause"),
    ("POST", "rename?name=other"),
    ("POST", "resize?h=1&w=1"),
    ("POST", "wait"),
    ("POST", "checkpoints"),
]
# What a runner may do to a sandbox.
ON_SANDBOXES_ONLY = [
    ("POST", "attach?stdin=1&stdout=1&stderr=1&stream=1"),
    ("POST", "start"),
    ("POST", "update"),
    ("DELETE", "?v=True&link=False&force=True"),
]
ELSEWHERE = [
    ("GET", f"{V}/info"),
    ("GET", f"{V}/system/df"),
    ("GET", f"{V}/containers/json"),
    ("GET", f"{V}/containers/json?all=1"),
    ("GET", f"{V}/containers/json?limit=-1&all=1&size=0&trunc_cmd=0&filters=%7B%7D"),
    (
        "GET",
        f"{V}/containers/json?limit=-1&all=1&size=0&trunc_cmd=0"
        "&filters=%7B%22label%22%3A+%5B%22runlet.sandbox%22%5D%7D&filters=%7B%7D",
    ),
    ("POST", f"{V}/containers/prune"),
    ("GET", f"{V}/events"),
    ("GET", f"{V}/events?since=1&until=2"),
    ("POST", f"{V}/commit?container=runlet-test"),
    ("POST", f"{V}/build"),
    ("POST", f"{V}/build/prune"),
    ("GET", f"{V}/images/json"),
    ("GET", f"{V}/images/runlet/runner/json"),
    ("GET", f"{V}/images/runlet/runner/get"),
    ("POST", f"{V}/images/create?fromImage=busybox"),
    ("POST", f"{V}/images/load"),
    ("POST", f"{V}/images/prune"),
    ("DELETE", f"{V}/images/runlet/runtime-python"),
    ("GET", f"{V}/volumes"),
    ("POST", f"{V}/volumes/create"),
    ("POST", f"{V}/volumes/prune"),
    ("GET", f"{V}/networks"),
    ("POST", f"{V}/networks/create"),
    ("POST", f"{V}/networks/bridge/connect"),
    ("POST", f"{V}/swarm/init"),
    ("GET", f"{V}/nodes"),
    ("GET", f"{V}/services"),
    ("GET", f"{V}/tasks"),
    ("GET", f"{V}/secrets"),
    ("GET", f"{V}/configs"),
    ("GET", f"{V}/plugins"),
    ("POST", f"{V}/plugins/pull?remote=vieux/sshfs"),
    ("GET", f"{V}/distribution/busybox/json"),
    ("POST", f"{V}/auth"),
    ("POST", f"{V}/session"),
    ("POST", f"{V}/grpc"),
    ("POST", "/grpc"),
    ("GET", "/debug/pprof/"),
    ("GET", "/metrics"),
]


@pytest.mark.parametrize(("method", "call"), ON_A_CONTAINER + ON_SANDBOXES_ONLY)
def test_another_container_is_out_of_reach_by_its_name_and_by_its_id(
    proxy: EngineProxy, victim: Any, method: str, call: str
) -> None:
    for reference in (victim.name, victim.id, victim.id[:12]):
        answer = proxy.call(method, target(reference, call))
        assert answer.refused or (method, answer.status) == ("HEAD", 403)
        assert b"a secret of another container" not in answer.raw

    victim.reload()
    assert victim.status == "running"


@pytest.mark.parametrize(("method", "call"), ON_A_CONTAINER)
def test_a_sandbox_is_open_to_no_more_than_a_runner_does_to_it(
    proxy: EngineProxy, method: str, call: str
) -> None:
    answer = proxy.call(method, target(sandbox_name(), call))

    assert answer.refused or (method, answer.status) == ("HEAD", 403)


@pytest.mark.parametrize(("method", "path"), ELSEWHERE)
def test_the_rest_of_the_engine_is_out_of_reach(proxy: EngineProxy, method: str, path: str) -> None:
    assert proxy.call(method, path).refused


@pytest.mark.parametrize(
    "reference",
    [
        "{sandbox}/../{victim}",
        "{sandbox}%2f..%2f{victim}",
        "{sandbox}%2F%2E%2E%2F{victim}",
        "./{victim}",
        "/{victim}",
        "%72unlet-test",
        "{sandbox}\\..\\{victim}",
        "{sandbox};{victim}",
        "{sandbox}%00",
        "{sandbox}0",
    ],
)
def test_no_path_leads_around_the_name(proxy: EngineProxy, victim: Any, reference: str) -> None:
    written = reference.format(sandbox=sandbox_name(), victim=victim.name)

    assert proxy.call("POST", f"{V}/containers/{written}/start").refused


@pytest.mark.parametrize(
    "prefix", ["", "/v1.40", "/v1.24", "/v1.4", "/v1.041", "/v2.41", "/V1.41", "//v1.41", "/v1.41/"]
)
def test_only_versions_whose_rules_are_known_are_spoken(proxy: EngineProxy, prefix: str) -> None:
    assert proxy.call("POST", f"{prefix}/containers/{sandbox_name()}/start").refused


def test_an_address_with_a_host_in_it_is_refused(proxy: EngineProxy) -> None:
    path = f"{V}/containers/{sandbox_name()}/start"

    assert proxy.call("POST", f"http://localhost{path}").refused


@pytest.mark.parametrize("event", ["oom", "start"])
def test_no_event_of_another_container_is_told(proxy: EngineProxy, victim: Any, event: str) -> None:
    wanted = f"%7B%22container%22%3A+%5B%22{victim.name}%22%5D%2C+%22event%22%3A+%5B%22{event}%22"

    assert proxy.call("GET", f"{V}/events?since=1&until=2&filters={wanted}%5D%7D").refused


def test_starting_takes_no_settings_along(proxy: EngineProxy) -> None:
    path = f"{V}/containers/{sandbox_name()}/start"

    assert proxy.call("POST", path, b'{"Privileged": true}').refused


def test_updating_changes_the_memory_and_nothing_else(proxy: EngineProxy) -> None:
    path = f"{V}/containers/runlet-sandbox-{uuid4().hex}/update"

    assert proxy.call("POST", path, b'{"Memory": 268435456, "MemorySwap": 268435456}').status == 404
    for body in (
        b'{"Memory": 268435456, "MemorySwap": -1}',
        b'{"Memory": 268435456, "MemorySwap": 268435457}',
        b'{"Memory": 268435456, "MemorySwap": 268435456, "PidsLimit": -1}',
        b'{"RestartPolicy": {"Name": "always"}}',
        b"",
    ):
        assert proxy.call("POST", path, body).refused


def target(reference: str, call: str) -> str:
    return f"{V}/containers/{reference}{'' if call.startswith('?') else '/'}{call}"
