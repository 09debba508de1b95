"""The Docker engine: creating, limiting and removing sandbox containers."""

import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import uuid4

import docker
import requests
import structlog
from docker.errors import APIError, DockerException, NotFound
from docker.types import HostConfig

from runlet.languages import Language
from runlet.limits import MAX_PROCESSES, SCRATCH_MB
from runner.containers.container import Container, StreamTimeoutError
from runner.containers.tls_stream import plain_end
from runner.sandbox.environment import environment_of
from runner.sandbox.interface import SandboxUnavailableError
from runner.sandbox.protocol import HELLO, encode_fork_server

log = structlog.get_logger()

SANDBOX_LABEL = "runlet.sandbox"
OWNER_LABEL = "runlet.runner"
# What the compose file labels runners with, as the engine filters by it.
RUNNER_ROLE = "runlet.role=runner"
# What a proxy answers for an engine that is away.
PROXY_ERRORS = {502, 503, 504}
RUNNING_STATES = {"running", "paused", "restarting"}
# The engine proxy lets a runner reach no container of another name.
NAME_PREFIX = "runlet-sandbox-"
# The engine gives a container the beginning of its id as host name.
SHORT_ID_LENGTH = 12
# For each answer of the engine; a busy one needs seconds to start or remove a container.
ENGINE_SECONDS = 20
PING_SECONDS = 3
START_SECONDS = 15
LONGEST_JOB_SECONDS = 120
MIB = 1 << 20
SHARED_MEMORY_MB = 16
AGENT_PROCESSES = 1
# The server itself and its spare (fork_server.h).
FORK_SERVER_PROCESSES = 2
# Two processors at most, so that compilers and garbage collectors are not throttled; the agent caps
# the CPU time at the wall-clock limit (agent.c). Where there are too few processors for everybody,
# a run has a quarter of the weight of a service.
MAX_CPUS = 2
CPU_PERIOD_US = 100_000
CPU_SHARES = 256
# What the agent needs to become a run's user and to end what that user left; a run has none.
AGENT_CAPABILITIES = ["SETUID", "SETGID", "KILL"]
# No System V or POSIX queue, semaphore or segment can be made, so none can be left behind.
NO_IPC_OBJECTS = {
    "kernel.shmmni": "0",
    "kernel.msgmni": "0",
    "kernel.sem": "0 0 0 0",
    "fs.mqueue.queues_max": "0",
}


@dataclass(frozen=True)
class ContainerSettings:
    """What all sandbox containers of one runner have in common."""

    owner: str
    runtime: str | None
    memory_mb: int
    fork_servers: bool = True


class EngineRefusedError(SandboxUnavailableError):
    """The engine answered, and refused."""


class Engine:
    """Talks to the Docker engine; safe for several threads.

    Each call ends within the time-out that its client was built with (ENGINE_SECONDS), and what
    fails raises SandboxUnavailableError. It is never the program's fault.
    """

    def __init__(self, client: docker.DockerClient, settings: ContainerSettings) -> None:
        self._api: Any = client.api
        self._settings = settings
        self._lock = threading.Lock()
        self._attached: list[Container] = []

    def answers(self) -> bool:
        """Whether the engine answers now, within PING_SECONDS."""
        try:
            with engine_faults():
                return bool(self._ping(PING_SECONDS).ok)
        except SandboxUnavailableError:
            return False

    def start_container(self, language: Language) -> Container:
        """A new container whose agent is up."""
        memory_mb = language.memory_mb or self._settings.memory_mb
        name = f"{NAME_PREFIX}{uuid4().hex}"
        with engine_faults():
            self._api.create_container(
                language.image,
                name=name,
                hostname="sandbox",
                user="0:0",
                # The SDK adds StdinOnce: hanging up closes stdin, which ends the agent.
                stdin_open=True,
                # The agent heeds no other signal. An engine that starts anew after a crash stops
                # what it finds, and would wait ten seconds for each before it answers anybody.
                stop_signal="SIGKILL",
                network_disabled=True,
                labels={SANDBOX_LABEL: language.id, OWNER_LABEL: self._settings.owner},
                host_config=self._host_config(language, memory_mb),
            )
            try:
                return self._attach_and_start(name, language, memory_mb)
            except BaseException:
                self.remove(name)
                raise

    def limit_memory(self, container: Container, memory_mb: int) -> None:
        """Give a container another memory limit than it has."""
        if container.memory_mb == memory_mb:
            return
        with engine_faults():
            limit = memory_mb * MIB
            self._api.update_container(container.name, mem_limit=limit, memswap_limit=limit)
        container.memory_mb = memory_mb

    def ran_out_of_memory(self, container: Container) -> bool:
        """Whether the kernel ended processes of a container for its memory; False when unknown.

        The engine's log of events is read: a container that ended has removed itself, and cgroup
        v1 notifies of the container's own limit only, while its counter has the host's kills too.
        """
        wanted = {"container": [container.name], "event": ["oom"]}
        try:
            with engine_faults():
                now = self._now()
                parameters = {
                    "since": now - LONGEST_JOB_SECONDS,
                    "until": now + 1,
                    "filters": json.dumps(wanted),
                }
                # The SDK's own call waits without end for an engine that does not answer.
                response = self._api.get(
                    f"{self._api.base_url}/v{self._api.api_version}/events",
                    params=parameters,
                    timeout=ENGINE_SECONDS,
                    stream=True,
                )
                with contextlib.closing(response):
                    return response.ok and any(line.strip() for line in response.iter_lines())
        except SandboxUnavailableError:
            return False

    def remove(self, name: str) -> bool:
        """End and remove a sandbox container; one that is gone already is fine. Whether it is."""
        try:
            with engine_faults(), contextlib.suppress(NotFound):
                self._api.remove_container(name, force=True, v=True)
        except SandboxUnavailableError as error:
            log.warning("container_removal_failed", container=name, error=str(error))
            return False
        return True

    def sandboxes(self) -> list[dict[str, Any]]:
        """All sandbox containers of any runner, as the engine lists them."""
        with engine_faults():
            found: list[dict[str, Any]] = self._api.containers(
                all=True, filters={"label": SANDBOX_LABEL}
            )
        # One that is being removed has lost its name already.
        named = [sandbox for sandbox in found if sandbox["Names"]]
        return [sandbox for sandbox in named if name_of(sandbox).startswith(NAME_PREFIX)]

    def attached(self) -> set[str]:
        """The names of the containers started here whose streams are still open."""
        with self._lock:
            self._attached = [each for each in self._attached if not each.closed]
            return {container.name for container in self._attached}

    def is_running(self, runner: str) -> bool:
        """Whether the container of a runner, as its sandboxes name it, exists and runs."""
        found = runner_container(self._api, runner)
        return found is not None and found["State"] in RUNNING_STATES

    def _ping(self, seconds: float) -> requests.Response:
        # The SDK's own ping waits for as long as a call that does something.
        response: requests.Response = self._api.get(
            f"{self._api.base_url}/v{self._api.api_version}/_ping", timeout=seconds
        )
        return response

    def _now(self) -> int:
        """The engine's time in seconds since 1970; its host's clock may be apart from ours."""
        date = self._ping(ENGINE_SECONDS).headers.get("Date")
        return int(parsedate_to_datetime(date).timestamp() if date else time.time())

    def _attach_and_start(self, name: str, language: Language, memory_mb: int) -> Container:
        # Attached before it starts, so that nothing the agent says is missed.
        params = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        attached = self._api.attach_socket(name, params=params)
        container = Container(name, language, memory_mb, _raw_socket(attached))
        self._api.start(name)
        _await_agent(container)
        if self._settings.fork_servers:
            _start_fork_server(container)
        with self._lock:
            self._attached.append(container)
        return container

    def _host_config(self, language: Language, memory_mb: int) -> HostConfig:
        memory = memory_mb * MIB
        config: HostConfig = self._api.create_host_config(
            auto_remove=True,
            network_mode="none",
            ipc_mode="private",
            read_only=True,
            cap_drop=["ALL"],
            cap_add=AGENT_CAPABILITIES,
            security_opt=["no-new-privileges"],
            mem_limit=memory,
            memswap_limit=memory,
            cpu_period=CPU_PERIOD_US,
            cpu_quota=MAX_CPUS * CPU_PERIOD_US,
            cpu_shares=CPU_SHARES,
            pids_limit=MAX_PROCESSES + self._own_processes(language),
            shm_size=SHARED_MEMORY_MB * MIB,
            sysctls=NO_IPC_OBJECTS,
            tmpfs={"/tmp": f"rw,nosuid,nodev,exec,mode=1777,size={SCRATCH_MB}m,nr_inodes=16k"},
            log_config={"Type": "none", "Config": {}},
            runtime=self._settings.runtime,
        )
        return config

    def _own_processes(self, language: Language) -> int:
        """How many of a container's processes are ours, beside those that a run may have."""
        if self._settings.fork_servers and language.fork_server:
            return AGENT_PROCESSES + FORK_SERVER_PROCESSES
        return AGENT_PROCESSES


@contextlib.contextmanager
def engine_faults() -> Iterator[None]:
    """Turns whatever the engine's client raises into SandboxUnavailableError.

    EngineRefusedError when the engine itself answered, and not a proxy in its place.
    """
    try:
        yield
    except APIError as error:
        answered = error.status_code is not None and error.status_code not in PROXY_ERRORS
        kind = EngineRefusedError if answered else SandboxUnavailableError
        raise kind(f"The container engine failed: {error}.") from error
    except (DockerException, requests.RequestException, OSError) as error:
        raise SandboxUnavailableError(f"The container engine failed: {error}.") from error


def name_of(listed: dict[str, Any]) -> str:
    """The name of a container that the engine lists."""
    name: str = listed["Names"][0]
    return name.removeprefix("/")


def runner_container(api: Any, hostname: str) -> dict[str, Any] | None:
    """The runner's container whose id begins with `hostname`, as the engine lists it.

    Raises SandboxUnavailableError. Other containers are not looked at: the engine proxy hides them.
    """
    with engine_faults():
        runners = api.containers(all=True, filters={"label": RUNNER_ROLE})
    whole = len(hostname) >= SHORT_ID_LENGTH
    return next((found for found in runners if whole and found["Id"].startswith(hostname)), None)


def _raw_socket(attached: Any) -> socket.socket:
    """A socket of our own for an attached stream; the SDK's wrapper may then be collected."""
    descriptor: socket.socket = getattr(attached, "_sock", attached)
    if isinstance(descriptor, ssl.SSLSocket):
        return plain_end(descriptor)
    return descriptor.dup()


def _await_agent(container: Container) -> None:
    try:
        frame = container.next_frame(time.monotonic() + START_SECONDS)
    except StreamTimeoutError as error:
        raise SandboxUnavailableError("The agent of a new container did not answer.") from error
    if frame is None or frame[0] != HELLO:
        raise SandboxUnavailableError("A new container ended before its agent was up.")


def _start_fork_server(container: Container) -> None:
    """Have the agent start the language's, if it has one; it initialises meanwhile."""
    language = container.language
    if language.fork_server:
        environment = environment_of(language)
        container.send(encode_fork_server(language.fork_server, language.run, environment))
