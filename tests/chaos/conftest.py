"""Stacks and engines to break, for all tests of this folder."""

import os
import random
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.chaos.cluster import CLUSTER_OVERLAY, Cluster
from support.chaos.engine import SecondEngine
from support.chaos.faults import Bench
from support.chaos.hosts import Hosts, started_hosts
from support.chaos.pace import measure_slowness
from support.chaos.projects import make_settings, make_stack, project, runs_code
from support.chaos.report import Report
from support.chaos.stack import OVERLAY, ChaosStack
from support.deployments.api_client import Platform
from support.deployments.server_containers import image_of
from support.wait_until import eventually

START_SECONDS = 300
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def seed() -> int:
    """Where every random choice begins; CHAOS_SEED repeats an earlier one."""
    return int(os.environ.get("CHAOS_SEED") or random.randrange(10**6))


@pytest.fixture(scope="session")
def report(seed: int) -> Report:
    return Report(ROOT / ".runlet" / "chaos.md", seed)


@pytest.fixture(scope="session")
def root() -> None:
    if os.geteuid() != 0:
        pytest.skip("Breaking a stack takes root: killing its processes, cutting its networks.")
    # What ends `make test` early must not leave an engine and a stack behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture(scope="session")
def bench(root: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with ExitStack() as made:
        name = project("chaos")
        engine = SecondEngine(name)
        made.callback(engine.close)
        made.callback(engine.save_log, ROOT / ".runlet" / "chaos-engine.log")
        engine.start()
        engine.wait_until_up()
        engine.load("runlet/runtime-python")
        settings = {**make_settings(), "DOCKER_SOCKET": str(engine.socket_path)}
        stack = make_stack(name, settings, [OVERLAY], tmp_path_factory.mktemp("chaos"))
        made.callback(stack.down)
        made.callback(stack.save_logs, ROOT / ".runlet" / "chaos-stack.log")
        stack.up()
        eventually(lambda: runs_code(stack), START_SECONDS)
        slowness = measure_slowness(Platform(stack.gateway_urls()[0]))
        yield Bench(stack, engine, slowness)


@pytest.fixture
def stack(bench: Bench) -> ChaosStack:
    return bench.stack


@pytest.fixture
def platform(stack: ChaosStack) -> Platform:
    return Platform(stack.gateway_urls()[0])


@pytest.fixture(scope="module")
def cluster(root: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A stack beside a cluster of three RabbitMQ nodes."""
    settings = {**make_settings(), "CLUSTER_IMAGE": image_of("rabbitmq")}
    folder = tmp_path_factory.mktemp("cluster")
    stack = make_stack(project("cluster"), settings, [CLUSTER_OVERLAY], folder)
    with ExitStack() as made:
        made.callback(stack.down)
        made.callback(stack.save_logs, ROOT / ".runlet" / "chaos-cluster.log")
        cluster = Cluster(stack)
        # Queues get their members when they are declared, so first of all three nodes are there;
        # and one before the others, which wait a few seconds for somebody to join.
        # With what it depends on: the secrets that it reads its users from.
        stack.up(cluster.nodes[0])
        eventually(lambda: cluster.running(cluster.nodes[0]), START_SECONDS)
        stack.up("--no-deps", *cluster.nodes)
        eventually(cluster.is_formed, START_SECONDS)
        stack.up()
        eventually(lambda: runs_code(stack), START_SECONDS)
        cluster.slowness = measure_slowness(Platform(stack.gateway_urls()[0]))
        yield cluster


@pytest.fixture(scope="module")
def hosts(root: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    """A stack, and a runner on another host with an engine of its own."""
    with started_hosts(tmp_path_factory.mktemp("hosts"), ROOT / ".runlet") as made:
        yield made
