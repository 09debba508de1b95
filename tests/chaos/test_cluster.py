"""RabbitMQ as a cluster of three: one node dies under load, and no caller notices."""

import os
import time

import pytest

from runlet import topology
from support.chaos.checks import check_promises
from support.chaos.cluster import Cluster
from support.chaos.load import Load
from support.chaos.report import Outcome, Report
from support.deployments.api_client import Platform
from support.wait_until import eventually

RUNS_PER_SECOND = 4.0
BEFORE_SECONDS = 3.0
AWAY_SECONDS = 15.0
RIGHT_ANSWERS = 3
PATIENCE_SECONDS = 60.0
RECOVERY_SECONDS = 15.0
REJOIN_SECONDS = 60.0


@pytest.mark.skipif(not os.environ.get("CHAOS_ROUNDS"), reason="two minutes: make chaos runs it")
@pytest.mark.timeout(500)
def test_a_node_that_leads_queues_is_killed_and_nobody_notices(
    cluster: Cluster, report: Report, seed: int
) -> None:
    every = set(cluster.names)
    assert all(set(q["members"]) == every for q in cluster.quorum_queues(cluster.nodes[0]))
    victim = cluster.leader_of(topology.run_queue("python"))
    witness = next(node for node in cluster.nodes if node != victim)
    (container,) = cluster.stack.containers(victim)
    urls = cluster.stack.gateway_urls()

    with Load(urls, RUNS_PER_SECOND, seed) as load:
        time.sleep(BEFORE_SECONDS)
        container.kill()
        killed = time.monotonic()
        answered = load.wait_for_right_answers(RIGHT_ANSWERS, killed, PATIENCE_SECONDS)
        time.sleep(max(0.0, killed + AWAY_SECONDS - time.monotonic()))
        container.start()
        eventually(cluster.is_formed, REJOIN_SECONDS)
        runs = load.finish()

    recovery = None if answered is None else answered - killed
    report.add(Outcome("one of three RabbitMQ nodes killed", AWAY_SECONDS, recovery, runs, []))
    check_promises(Platform(urls[0]), runs)
    assert recovery is not None, "no run begun after the kill ever ended well"
    assert recovery < RECOVERY_SECONDS
    assert [refusal for run in runs for refusal in run.refusals] == []
    eventually(lambda: not any(q["messages"] for q in cluster.quorum_queues(witness)))
    eventually(
        lambda: all(set(q["online"]) == every for q in cluster.quorum_queues(witness)),
        REJOIN_SECONDS,
    )
