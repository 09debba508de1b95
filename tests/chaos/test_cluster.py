"""RabbitMQ as a cluster of three: one node dies or is cut off under load; no run is lost."""

import os
import time

import pytest

from runlet import topology
from support.chaos.checks import NOT_ENDED, check_promises, messages_in_queues
from support.chaos.cluster import Cluster
from support.chaos.load import Load
from support.chaos.report import Outcome, Report
from support.deployments.api_client import Platform
from support.wait_until import eventually

RUNS_PER_SECOND = 4.0
PARTITION_RUNS_PER_SECOND = 1.0
BEFORE_SECONDS = 3.0
AWAY_SECONDS = 15.0
RIGHT_ANSWERS = 3
PATIENCE_SECONDS = 60.0
RECOVERY_SECONDS = 15.0
REJOIN_SECONDS = 180.0
# After 75 s a node takes one that is silent for gone; then the minority pauses.
PARTED_SECONDS = 90.0
REUNION_SECONDS = 30.0


pytestmark = [
    pytest.mark.skipif(not os.environ.get("CHAOS_ROUNDS"), reason="minutes: make chaos runs them"),
    pytest.mark.timeout(1500),
]


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
    assert recovery < RECOVERY_SECONDS * cluster.slowness
    assert [refusal for run in runs for refusal in run.refusals] == []
    check_cluster_is_whole(cluster, witness)


def test_a_node_that_leads_queues_is_cut_off_from_the_others_and_nothing_is_lost(
    cluster: Cluster, report: Report, seed: int
) -> None:
    minority = cluster.leader_of(topology.run_queue("python"))
    urls = cluster.stack.gateway_urls()

    with Load(urls, PARTITION_RUNS_PER_SECOND, seed) as load:
        time.sleep(BEFORE_SECONDS)
        with cluster.partitioned(minority):
            time.sleep(PARTED_SECONDS)
        reunited = time.monotonic()
        load.begin_run()
        answered = load.wait_for_right_answers(RIGHT_ANSWERS, reunited, 4 * REUNION_SECONDS)
        runs = load.finish()

    recovery = None if answered is None else answered - reunited
    name = "one of three RabbitMQ nodes cut off from the others"
    report.add(Outcome(name, PARTED_SECONDS, recovery, runs, []))
    check_promises(Platform(urls[0]), runs)
    assert cluster.stack.query(NOT_ENDED) == []
    assert recovery is not None, "no run begun after the partition ever ended well"
    assert recovery < REUNION_SECONDS * cluster.slowness
    check_cluster_is_whole(cluster, minority)


def check_cluster_is_whole(cluster: Cluster, asked: str) -> None:
    """All nodes are there, all hold every queue, and no queue holds a message."""
    eventually(cluster.is_formed, REJOIN_SECONDS)
    eventually(lambda: not messages_in_queues(cluster.stack), REJOIN_SECONDS)
    eventually(
        lambda: all(set(q["online"]) == set(cluster.names) for q in cluster.quorum_queues(asked)),
        REJOIN_SECONDS,
    )
