"""Containers that are no sandbox of a runner's making, in every spelling the engine would take."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.sandboxes.engine_proxy import (
    EngineProxy,
    as_the_sdk_writes,
    create_call,
    running_proxy,
    sandbox_name,
)

OTHER_HOST_CONFIGS: list[dict[str, Any]] = [
    {"Privileged": True},
    {"Binds": ["/:/host"]},
    {"Mounts": [{"Type": "bind", "Source": "/", "Target": "/host"}]},
    {"VolumesFrom": ["runner"]},
    {"VolumeDriver": "local"},
    {"Devices": [{"PathOnHost": "/dev/sda", "PathInContainer": "/dev/sda"}]},
    {"DeviceCgroupRules": ["a *:* rwm"]},
    {"DeviceRequests": [{"Count": -1, "Capabilities": [["gpu"]]}]},
    {"CapAdd": ["SETUID", "SETGID", "KILL", "SYS_ADMIN"]},
    {"CapAdd": ["ALL"]},
    {"CapDrop": []},
    {"Capabilities": ["CAP_SYS_ADMIN"]},
    {"NetworkMode": "host"},
    {"NetworkMode": "bridge"},
    {"NetworkMode": "container:runner"},
    {"PidMode": "host"},
    {"PidMode": "container:runner"},
    {"IpcMode": "host"},
    {"UTSMode": "host"},
    {"UsernsMode": "host"},
    {"CgroupnsMode": "host"},
    {"Cgroup": "container:runner"},
    {"CgroupParent": "/"},
    {"SecurityOpt": ["no-new-privileges", "seccomp=unconfined"]},
    {"SecurityOpt": ["apparmor=unconfined"]},
    {"SecurityOpt": []},
    {"Runtime": "runc"},
    {"ReadonlyRootfs": False},
    {"MaskedPaths": []},
    {"ReadonlyPaths": []},
    {"Sysctls": {"net.ipv4.ip_forward": "1"}},
    {"Tmpfs": {"/etc": "rw"}},
    {"StorageOpt": {"size": "1T"}},
    {"ShmSize": 1 << 40},
    {"GroupAdd": ["docker"]},
    {"OomScoreAdj": -1000},
    {"OomKillDisable": True},
    {"Ulimits": [{"Name": "nproc", "Soft": -1, "Hard": -1}]},
    {"PidsLimit": -1},
    {"PidsLimit": 64},
    {"PidsLimit": 66},
    {"PidsLimit": 68},
    {"PidsLimit": 650},
    {"CpuQuota": -1},
    {"CpuShares": 262144},
    {"CpuRealtimeRuntime": 950000},
    {"Memory": 0, "MemorySwap": 0},
    {"MemorySwap": -1},
    {"AutoRemove": False},
    {"RestartPolicy": {"Name": "always"}},
    {"PortBindings": {"22/tcp": [{"HostPort": "22"}]}},
    {"PublishAllPorts": True},
    {"ExtraHosts": ["a:1.2.3.4"]},
    {"Dns": ["1.2.3.4"]},
    {"Links": ["runner:runner"]},
    {"LogConfig": {"Type": "syslog", "Config": {"syslog-address": "tcp://1.2.3.4:1"}}},
    {"Isolation": "process"},
    {"ContainerIDFile": "/etc/passwd"},
]
OTHER_CONFIGS: list[dict[str, Any]] = [
    {"Image": "runlet/runner"},
    {"Image": "runlet/runtime-python@sha256:0"},
    {"Image": "elsewhere.example/runlet/runtime-python"},
    {"Entrypoint": ["sh"]},
    {"Cmd": ["sh", "-c", "id"]},
    {"Env": ["LD_PRELOAD=/tmp/x.so"]},
    {"User": "1:1"},
    {"Volumes": {"/x": {}}},
    {"ExposedPorts": {"1/tcp": {}}},
    {"NetworkDisabled": False},
    {"NetworkingConfig": {"EndpointsConfig": {"broker": {}}}},
    {"MacAddress": "02:00:00:00:00:00"},
    {"WorkingDir": "/proc/1"},
    {"Healthcheck": {"Test": ["CMD", "id"]}},
    {"Tty": True},
    {"StopSignal": "SIGTERM"},
    {"Labels": {"com.docker.compose.service": "runner"}},
    {"Labels": {"runlet.sandbox": "python", "runlet.runner": "x", "runlet.role": "runner"}},
]
SPELLINGS: dict[str, Callable[[bytes], bytes]] = {
    "case": lambda body: body.replace(b'"AutoRemove"', b'"privileged": true, "AutoRemove"'),
    "another case": lambda body: body.replace(b'"AutoRemove"', b'"PRIVILEGED": true, "AutoRemove"'),
    "letters that fold to ASCII": lambda body: body.replace(
        b'"AutoRemove"', '"Bind\u017f": ["/:/host"], "AutoRemove"'.encode()
    ),
    "an escaped key": lambda body: body.replace(
        b'"AutoRemove"', rb'"\u0050rivileged": true, "AutoRemove"'
    ),
    "an escaped value": lambda body: body.replace(b'"ALL"', rb'"\u0041LL"'),
    "a key again": lambda body: body.replace(
        b'"StopSignal"', b'"HostConfig": {"Privileged": true}, "StopSignal"'
    ),
    "a value again": lambda body: body.replace(b'["ALL"]', b'["ALL"], "CapDrop": []'),
    "a key again in another case": lambda body: body.replace(
        b'"StopSignal"', b'"hostConfig": {"Binds": ["/:/host"]}, "StopSignal"'
    ),
    "in the middle of an object": lambda body: body.replace(
        b'"NetworkMode": "none"', b'"Privileged": true, "NetworkMode": "none"'
    ),
    "in a label": lambda body: body.replace(
        b'"0123456789ab"', b'"0123456789ab"}, "HostConfig": {"Privileged": true, "a": "b"'
    ),
    "in the image": lambda body: body.replace(b"runtime-python", b'runtime-python", "User": "0'),
    "a second document": lambda body: body + b'{"HostConfig": {"Privileged": true}}',
    "a document in front": lambda body: b'{"HostConfig": {"Privileged": true}}' + body,
    "a line at the end": lambda body: body + b"\n",
    "a NUL at the end": lambda body: body + b"\0",
    "a byte order mark": lambda body: b"\xef\xbb\xbf" + body,
    "UTF-16": lambda body: body.decode().encode("utf-16"),
    "space": lambda body: b" " + body,
    "no space": lambda body: body.replace(b", ", b","),
    "another order": lambda body: as_the_sdk_writes(dict(reversed(json.loads(body).items()))),
    "too long": lambda body: body + b" " * 5000,
    "nothing": lambda _body: b"",
    "a list": lambda body: b"[" + body + b"]",
}


def refused(proxy: EngineProxy, engine: Any, body: bytes) -> bool:
    name = sandbox_name()
    answer = proxy.call("POST", f"/v1.41/containers/create?name={name}", body)
    assert engine.containers.list(all=True, filters={"name": name}) == []
    return answer.refused


def named(changes: dict[str, Any]) -> str:
    return json.dumps(changes)


@pytest.mark.parametrize("changes", OTHER_HOST_CONFIGS, ids=named)
def test_a_container_with_other_rights_or_limits_is_refused(
    proxy: EngineProxy, engine: Any, changes: dict[str, Any]
) -> None:
    body = json.loads(create_call()[1])
    body["HostConfig"] |= changes

    assert refused(proxy, engine, as_the_sdk_writes(body))


@pytest.mark.parametrize("changes", OTHER_CONFIGS, ids=named)
def test_a_container_of_another_kind_is_refused(
    proxy: EngineProxy, engine: Any, changes: dict[str, Any]
) -> None:
    body = json.loads(create_call()[1]) | changes

    assert refused(proxy, engine, as_the_sdk_writes(body))


@pytest.mark.parametrize("field", list(json.loads(create_call()[1])["HostConfig"]))
def test_no_limit_may_be_left_out(proxy: EngineProxy, engine: Any, field: str) -> None:
    body = json.loads(create_call()[1])
    del body["HostConfig"][field]

    assert refused(proxy, engine, as_the_sdk_writes(body))


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_spelling_gets_past(proxy: EngineProxy, engine: Any, spelling: str) -> None:
    body = create_call()[1]
    changed = SPELLINGS[spelling](body)

    assert changed != body
    assert refused(proxy, engine, changed)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?name=other",
        "?name={sandbox}&name=other",
        "?name={sandbox}&platform=linux/amd64",
        "?name={sandbox}%20",
        "?NAME={sandbox}",
        "?name={sandbox}#",
    ],
)
def test_a_sandbox_has_a_name_of_its_kind(proxy: EngineProxy, query: str) -> None:
    written = query.format(sandbox=sandbox_name())

    assert proxy.call("POST", f"/v1.41/containers/create{written}", create_call()[1]).refused


def test_only_the_runtime_of_the_deployment_is_let_through(engine: Any, tmp_path: Path) -> None:
    with running_proxy(tmp_path, sandbox_runtime="runc") as proxy:
        assert refused(proxy, engine, create_call("runsc")[1])
        assert refused(proxy, engine, create_call("run")[1])
        target, body = create_call("runc")
        created = proxy.call("POST", target, body)
        name = target.partition("name=")[2]
        removed = proxy.call("DELETE", f"/v1.41/containers/{name}?v=True&link=False&force=True")

    assert (created.status, removed.status) == (201, 204)
