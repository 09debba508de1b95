"""Attacks on the sandbox, and the proof that nobody else noticed."""

import dataclasses
import re
import time
from collections.abc import Container
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from runlet.execution import Reason
from runlet.limits import Limits
from runner.sandbox.docker_sandbox import FIRST_UID, LAST_UID
from runner.sandbox.interface import Outcome
from support.sandboxes.sandboxes import TestBed, open_test_bed
from support.wait_until import eventually

LIMITS = Limits(time_limit_ms=1500, memory_limit_mb=128, output_limit_bytes=65_536)
# Of programs that end by themselves: only a machine that is very slow takes that long.
TIME_TO_END_MS = 20_000
# Beyond an attack's own limits: starting a container on a machine that does other things too.
ALLOWANCE_SECONDS = 8.0
# What a container's start and a short run take where that was set.
NORMAL_SECONDS = 1.0

# What a program finds when it is alone: itself, root's processes (the agent, the fork server and
# its spare, or who is making it) with the socket between them, its own file, nothing else.
LOOK_AROUND = """
import os, socket
owners = []
for process in os.listdir('/proc'):
    try: owners += [os.stat('/proc/' + process).st_uid] if process.isdigit() else []
    except FileNotFoundError: pass
runs = [owner for owner in owners if owner != 0]
places = [sorted(os.listdir(place)) for place in ('/tmp', '/tmp/work', '/dev/shm', '/dev/mqueue')]
ipc = [sum(1 for _ in open('/proc/sysvipc/' + kind)) - 1 for kind in ('shm', 'sem', 'msg')]
sockets = [
    sum(1 for _ in open('/proc/net/' + kind)) - 1
    for kind in ('tcp', 'tcp6', 'udp', 'udp6', 'unix', 'raw')
]
print(len(runs), 2 <= owners.count(0) <= 4, places, ipc, sockets)
"""
ALONE = "1 True [['work'], ['main.py'], [], []] [0, 0, 0] [0, 0, 0, 0, 2, 0]\n"
# The agent's children but this one, as soon as the next spare is among them.
FIND_SERVER = (
    "import os\n"
    "def is_agents(pid):\n"
    "  try: return 'PPid:\\t1\\n' in open(f'/proc/{pid}/status').read()\n"
    "  except OSError: return False\n"
    "found = ()\n"
    "while len(found) != 2:\n"
    "  pids = sorted(int(p) for p in os.listdir('/proc') if p.isdigit())\n"
    "  found = [p for p in pids if is_agents(p) and p != os.getpid()]\n"
    "server, spare = found\n"
)
CONTAINER_ID = re.compile(r"[0-9a-f]{64}")
NEIGHBOUR = "import time; time.sleep(0.2); print(sum(range(10**6)))"


@dataclass(frozen=True)
class Attack:
    """A program and what must become of it.

    `reasons` are the ends it may come to (None: it ends with 0), `says` a pattern its output must
    match, `source` the program. Without limits of its own it gets LIMITS, with more time when its
    time limit is no end it may come to.
    """

    name: str
    reasons: Container[Reason | None]
    source: str
    says: str = ""
    language: str = "python"
    stdin: str = ""
    limits: Limits = LIMITS

    @property
    def limits_of_run(self) -> Limits:
        """The limits it runs under."""
        if self.limits != LIMITS or Reason.TIME_LIMIT in self.reasons:
            return self.limits
        return dataclasses.replace(LIMITS, time_limit_ms=TIME_TO_END_MS)

    def with_limits(self, **changes: int) -> "Attack":
        """The same attack under other limits."""
        return dataclasses.replace(self, limits=dataclasses.replace(self.limits, **changes))

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


def endure(bed: TestBed, attack: Attack) -> Outcome:
    """Run an attack beside a neighbour; check its end, then that nothing of it is left anywhere.

    The neighbour has containers of its own, so the next program of the bed gets the container of
    the attack unless that was thrown away.
    """
    limits = attack.limits_of_run
    with ThreadPoolExecutor(1) as beside:
        neighbour = beside.submit(bed.run_beside, NEIGHBOUR)
        started = time.monotonic()
        outcome = bed.run(attack.source, attack.language, stdin=attack.stdin, limits=limits)
        seconds = time.monotonic() - started
        assert neighbour.result().result.stdout == "499999500000\n"
    assert outcome.reason in attack.reasons, outcome
    assert re.search(attack.says, outcome.result.stdout), outcome
    compile_seconds = bed.compile_seconds if attack.language != "python" else 0
    bound = limits.time_limit_ms / 1000 + compile_seconds + ALLOWANCE_SECONDS
    assert seconds < bound or seconds < bound * measure_slowness(), f"took {seconds:.1f} s"
    assert_nothing_is_left(bed)
    return outcome


def measure_slowness() -> float:
    """How many times longer than normal a run in a container of its own takes."""
    with open_test_bed(runs_per_container=1) as bed:
        started = time.monotonic()
        bed.run("print(1)")
        return (time.monotonic() - started) / NORMAL_SECONDS


def assert_nothing_is_left(bed: TestBed) -> None:
    """The next program finds itself alone, and the host has no process of any run."""
    assert bed.run(LOOK_AROUND).result.stdout == ALONE
    eventually(lambda: not processes_of_runs(bed))


def processes_of_runs(bed: TestBed) -> list[int]:
    """Processes on this host that belong to a user id the sandbox gives to runs.

    Those of containers that others started are left out; one that got out of its container is not.
    """
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                owner = folder.stat().st_uid
                containers = _containers_of(folder)
            except (FileNotFoundError, ProcessLookupError):
                continue
            if FIRST_UID <= owner < LAST_UID and (not containers or containers & bed.started):
                found.append(int(folder.name))
    return found


def _containers_of(process: Path) -> set[str]:
    """The ids of the containers a process is in, by its control groups; not those we are in too."""
    return _ids_in(process) - _ids_in(Path("/proc/self"))


def _ids_in(process: Path) -> set[str]:
    return set(CONTAINER_ID.findall((process / "cgroup").read_text(encoding="utf-8")))
