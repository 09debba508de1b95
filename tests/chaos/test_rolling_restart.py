"""Replacing every service under load, one container at a time: nobody notices.

Of what callers talk to there are two replicas. The load sees every refusal, and none is allowed.
"""

import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

from support.chaos.checks import check_nothing_is_left, check_promises
from support.chaos.faults import Bench
from support.chaos.load import Load
from support.chaos.ports import free_ports
from support.chaos.stack import SERVICE_LABEL, ChaosStack
from support.deployments.api_client import Platform
from support.wait_until import eventually

RUNS_PER_SECOND = 5.0
# As many as both runners have slots: what a slow machine does not carry does not queue up.
OPEN_RUNS = 8
# A refusal is an answer or a broken connection; a slow machine's late answer is none.
CALL_SECONDS = 90.0
REPLICAS = 2
# `make test` replaces one of the two, `make chaos` both.
REPLACED = REPLICAS if os.environ.get("CHAOS_ROUNDS") else 1
SCALED = ("session-api", "execution-api", "runner")
# What these do is done when they are back, and nobody waits for them but a run's end.
ALONE = ("execution-relay", "result-collector")
# Long enough for a wait=30 of a caller, and then some: see stop_grace_period.
GRACE_SECONDS = 75
SECONDS_BETWEEN = 1.0
SERVING_SECONDS = 120.0


@pytest.fixture
def replicas(stack: ChaosStack) -> Iterator[None]:
    stack.scale(dict.fromkeys(SCALED, REPLICAS))
    _wait_until_serving(stack)
    yield
    stack.scale(dict.fromkeys(SCALED, 1))


@pytest.fixture
def gateways(stack: ChaosStack) -> Iterator[None]:
    alone = stack.settings["GATEWAY_PORT"]
    _, (stack.settings["GATEWAY_PORT"],) = free_ports(0, 1)
    stack.replace("gateway")
    stack.scale({"gateway": REPLICAS})
    _wait_until_serving(stack)
    yield
    stack.settings["GATEWAY_PORT"] = alone
    stack.replace("gateway")


@pytest.mark.timeout(1500)
@pytest.mark.usefixtures("replicas")
def test_every_service_is_replaced_and_nobody_notices(
    bench: Bench, platform: Platform, seed: int
) -> None:
    with make_load(bench, seed) as load:
        time.sleep(SECONDS_BETWEEN)
        for service in (*SCALED, *ALONE):
            for container in bench.stack.containers(service)[:REPLACED]:
                _replace(bench.stack, container)
                _wait_until_serving(bench.stack)
                time.sleep(SECONDS_BETWEEN)
        _check(bench, platform, load)


@pytest.mark.timeout(1500)
@pytest.mark.usefixtures("gateways")
def test_gateways_are_replaced_behind_a_balancer_and_nobody_notices(
    bench: Bench, platform: Platform, seed: int
) -> None:
    with make_load(bench, seed) as load:
        time.sleep(SECONDS_BETWEEN)
        for container in bench.stack.containers("gateway")[:REPLACED]:
            load.base_urls = [
                url for url in load.base_urls if url not in bench.stack.urls_of(container)
            ]
            time.sleep(0.2)
            _replace(bench.stack, container)
            _wait_until_serving(bench.stack)
            load.base_urls = bench.stack.gateway_urls()
            time.sleep(SECONDS_BETWEEN)
        _check(bench, platform, load)


@pytest.mark.timeout(900)
def test_the_gateway_takes_a_new_configuration_and_nobody_notices(
    bench: Bench, platform: Platform, seed: int
) -> None:
    with make_load(bench, seed) as load:
        for _ in range(3):
            time.sleep(SECONDS_BETWEEN)
            for container in bench.stack.containers("gateway"):
                container.kill(signal="HUP")
        _check(bench, platform, load)


def make_load(bench: Bench, seed: int) -> Load:
    """As fast as the machine carries, up to a rate."""
    return Load(
        bench.stack.gateway_urls(),
        RUNS_PER_SECOND,
        seed,
        open_runs=OPEN_RUNS,
        call_seconds=CALL_SECONDS,
    )


def _replace(stack: ChaosStack, container: Any) -> None:
    """Stop one container as an orchestrator would, and start a new one in its place."""
    service = container.labels[SERVICE_LABEL]
    replicas = len(stack.containers(service))
    container.stop(timeout=GRACE_SECONDS)
    container.remove()
    stack.scale({service: replicas})


def _wait_until_serving(stack: ChaosStack) -> None:
    """Until every container passes the check that its image brings."""
    eventually(lambda: not stack.unwell(), SERVING_SECONDS)


def _check(bench: Bench, platform: Platform, load: Load) -> None:
    runs = load.finish()
    quiet_since = time.monotonic()
    check_promises(platform, runs)
    assert [refusal for run in runs for refusal in run.refusals] == []
    assert {run.answer["attempts"] for run in runs} == {1}
    check_nothing_is_left(bench, quiet_since)
