"""What can go wrong around Runlet: each fault begins, lasts, and is over."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from runlet import topology
from runlet_amqp.connection import connect
from support.chaos.engine import SecondEngine
from support.chaos.stack import ChaosStack
from support.frozen import frozen

RUNS_PER_SECOND = 2.0
RECOVERY_SECONDS = 15.0
THAW_SECONDS = 30.0
MOMENT = (0.0, 0.0)
BRIEF = (2.0, 10.0)
# Longer than every time-out there is, from the APIs' seconds to both ends' heartbeats; than most in
# `make test`.
DEFAULT_FREEZE_SECONDS = 75 if os.environ.get("CHAOS_ROUNDS") else 25
FREEZE_SECONDS = float(os.environ.get("CHAOS_FREEZE_SECONDS") or DEFAULT_FREEZE_SECONDS)
# What gathers in a freeze is run first when it is over.
FREEZE_RUNS_PER_SECOND = 0.5
# Longer than both sides' heartbeats, so that both give the connection up.
PAST_HEARTBEATS = (45.0, 50.0)
NO_MEMORY = ("set_vm_memory_high_watermark", "0.00001")
ENOUGH_MEMORY = ("set_vm_memory_high_watermark", "0.4")
NO_DISK = ("set_disk_free_limit", "1000GB")
ENOUGH_DISK = ("set_disk_free_limit", "500MB")
GATHERING_SECONDS = 3.0
STOP_SECONDS = 30
# The database's disk, in the container that holds it; what fallocate leaves, dd takes.
FILL_DISK = (
    "fallocate -l $(($(df --output=avail -B1 /data | tail -n 1))) /data/filler;"
    " dd if=/dev/zero of=/data/filler.rest bs=4k 2>/dev/null; true"
)
EMPTY_DISK = "rm -f /data/filler /data/filler.rest"


@dataclass(frozen=True)
class Bench:
    """Everything a fault may be done to.

    `slowness` is how many times slower than normal the machine is: see support.chaos.pace.
    """

    stack: ChaosStack
    engine: SecondEngine
    slowness: float


@dataclass(frozen=True)
class Fault:
    """`strike` begins it and ends it; it lasts between `seconds`.

    `runs_per_second` is the load meanwhile. What gathers in a long fault is run first, so there it
    says whether what comes afterwards waits for Runlet or for the machine. Within
    `recovery_seconds` of its end a new run has its right answer.
    """

    name: str
    strike: Callable[[Bench], AbstractContextManager[None]]
    seconds: tuple[float, float] = MOMENT
    runs_per_second: float = RUNS_PER_SECOND
    recovery_seconds: float = RECOVERY_SECONDS
    in_short: bool = False

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


def all_faults() -> list[Fault]:
    """Every fault there is, those of the short version marked."""
    return [
        *(_killed(service) for service in KILLED_SERVICES),
        Fault("SIGKILL of dockerd", _engine_killed, (1.0, 4.0), in_short=True),
        *(_cut(near, far) for near, far in TALKING_PAIRS),
        Fault(
            "long cut: runner - rabbitmq",
            _cut_between("runner", "rabbitmq"),
            PAST_HEARTBEATS,
            runs_per_second=1.0,
        ),
        *frozen_parts(),
        Fault("memory alarm of rabbitmq", _alarm(NO_MEMORY, ENOUGH_MEMORY), BRIEF, in_short=True),
        Fault("disk alarm of rabbitmq", _alarm(NO_DISK, ENOUGH_DISK), BRIEF),
        Fault("full disk of postgres", _database_disk_full, BRIEF),
        Fault("every queue purged", _queues_purged),
    ]


def frozen_parts() -> list[Fault]:
    """Each part stops where it stands: it neither answers nor ends, and keeps what it holds."""
    return [
        *(_frozen(service, _service_frozen(service)) for service in FROZEN_SERVICES),
        _frozen("dockerd", _engine_frozen),
    ]


KILLED_SERVICES = (
    "session-api",
    "execution-api",
    "execution-relay",
    "runner",
    "engine-proxy",
    "result-collector",
    "gateway",
    "rabbitmq",
    "postgres",
)
KILLED_IN_SHORT = ("runner", "rabbitmq", "postgres")
FROZEN_SERVICES = (
    "rabbitmq",
    "postgres",
    "session-api",
    "execution-api",
    "execution-relay",
    "runner",
    "result-collector",
    "engine-proxy",
)
TALKING_PAIRS = (
    ("execution-api", "rabbitmq"),
    ("execution-relay", "rabbitmq"),
    ("runner", "rabbitmq"),
    ("result-collector", "rabbitmq"),
    ("session-api", "postgres"),
    ("execution-api", "postgres"),
    ("execution-relay", "postgres"),
    ("result-collector", "postgres"),
    ("execution-api", "session-api"),
    ("gateway", "session-api"),
    ("gateway", "execution-api"),
)


def _killed(service: str) -> Fault:
    @contextmanager
    def strike(bench: Bench) -> Iterator[None]:
        bench.stack.kill(service)
        yield

    return Fault(f"SIGKILL of {service}", strike, in_short=service in KILLED_IN_SHORT)


@contextmanager
def _engine_killed(bench: Bench) -> Iterator[None]:
    bench.engine.kill()
    try:
        yield
    finally:
        bench.engine.start()


def _frozen(part: str, strike: Callable[[Bench], AbstractContextManager[None]]) -> Fault:
    return Fault(
        f"freeze of {part}",
        strike,
        (FREEZE_SECONDS, FREEZE_SECONDS),
        runs_per_second=FREEZE_RUNS_PER_SECOND,
        recovery_seconds=THAW_SECONDS,
    )


def _service_frozen(service: str) -> Callable[[Bench], AbstractContextManager[None]]:
    @contextmanager
    def strike(bench: Bench) -> Iterator[None]:
        containers = bench.stack.containers(service)
        assert containers, f"{service} does not run"
        with frozen(containers):
            yield

    return strike


@contextmanager
def _engine_frozen(bench: Bench) -> Iterator[None]:
    bench.engine.freeze()
    try:
        yield
    finally:
        bench.engine.thaw()


def _cut(near: str, far: str) -> Fault:
    return Fault(f"cut: {near} - {far}", _cut_between(near, far), BRIEF)


def _cut_between(near: str, far: str) -> Callable[[Bench], AbstractContextManager[None]]:
    """Packets between two services vanish; names, addresses and open connections stay."""

    @contextmanager
    def strike(bench: Bench) -> Iterator[None]:
        pids, addresses = bench.stack.main_pids(near), bench.stack.addresses(far)
        assert pids, f"{near} does not run"
        assert addresses, f"{far} does not run"
        drop("-I", pids, addresses)
        try:
            yield
        finally:
            drop("-D", pids, addresses)

    return strike


def drop(change: str, pids: list[int], addresses: list[str]) -> None:
    """Insert (-I) or delete (-D) rules by which packets to and from addresses vanish."""
    for pid in pids:
        # Rules go with their container: where that has ended there is nothing to take back.
        if not Path(f"/proc/{pid}").exists():
            continue
        inside = ["nsenter", "-t", str(pid), "-n", "iptables", "-w", change]
        for address in addresses:
            for rule in (["OUTPUT", "-d", address], ["INPUT", "-s", address]):
                subprocess.run([*inside, *rule, "-j", "DROP"], check=True, timeout=60)


def _alarm(
    raised: tuple[str, str], lifted: tuple[str, str]
) -> Callable[[Bench], AbstractContextManager[None]]:
    @contextmanager
    def strike(bench: Bench) -> Iterator[None]:
        bench.stack.execute("rabbitmq", "rabbitmqctl", "-q", *raised)
        try:
            yield
        finally:
            bench.stack.execute("rabbitmq", "rabbitmqctl", "-q", *lifted)

    return strike


@contextmanager
def _database_disk_full(bench: Bench) -> Iterator[None]:
    bench.stack.execute("database-disk", "bash", "-c", FILL_DISK)
    try:
        yield
    finally:
        bench.stack.execute("database-disk", "bash", "-c", EMPTY_DISK)


@contextmanager
def _queues_purged(bench: Bench) -> Iterator[None]:
    """Purge the queues while there is something in them, results and requests."""
    # Whoever consumes would hold the messages, and what is held is not purged.
    with _stopped(bench, "result-collector"):
        time.sleep(GATHERING_SECONDS)
        with _stopped(bench, "runner"):
            time.sleep(GATHERING_SECONDS)
            purged = _purge(bench)
    assert purged[topology.RESULTS_QUEUE] > 0, purged
    assert purged[topology.run_queue("python")] > 0, purged
    yield


def _purge(bench: Bench) -> dict[str, int]:
    """Purge every queue; gives how many messages each has lost."""
    with connect(bench.stack.amqp_url(), "chaos") as connection:
        channel = connection.channel()
        return {name: channel.queue_purge(name).method.message_count for name in queue_names()}


@contextmanager
def _stopped(bench: Bench, service: str) -> Iterator[None]:
    containers = bench.stack.containers(service)
    for container in containers:
        container.stop(timeout=STOP_SECONDS)
    try:
        yield
    finally:
        for container in containers:
            container.start()


def queue_names() -> list[str]:
    """Every queue of a stack that offers Python only."""
    delays = [topology.retry_queue(seconds) for seconds in topology.RETRY_DELAYS_SECONDS]
    return [topology.run_queue("python"), *delays, topology.RESULTS_QUEUE, topology.DEAD_QUEUE]
