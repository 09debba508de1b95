"""Three RabbitMQ nodes that are one broker, beside a stack."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.chaos.faults import drop
from support.chaos.stack import ChaosStack

CLUSTER_OVERLAY = Path(__file__).parents[2] / "chaos" / "compose.cluster.yml"
COLUMNS = ("name", "leader", "members", "online")


class Cluster:
    """The nodes by their compose services, which are also their host names."""

    nodes = ("rabbitmq", "rabbitmq-2", "rabbitmq-3")

    names = tuple(f"rabbit@{node}" for node in nodes)

    slowness = 1.0

    def __init__(self, stack: ChaosStack) -> None:
        self.stack = stack

    def is_formed(self) -> bool:
        """Whether all nodes run in one cluster."""
        return all(self.running(node) == set(self.names) for node in self.nodes)

    def running(self, asked: str) -> set[str]:
        """The nodes of the cluster that run, as the node `asked` sees it; none when it is away."""
        status = self._ask(asked, "cluster_status") if self.stack.containers(asked) else None
        return set(status["running_nodes"]) if status else set()

    def quorum_queues(self, asked: str) -> list[dict[str, Any]]:
        """The quorum queues as the node `asked` sees them."""
        listed = self._ask(asked, "list_queues", "-p", "runlet", *COLUMNS)
        assert listed is not None, f"{asked} does not answer"
        # Others have no members.
        return [queue for queue in listed if queue["members"]]

    @contextmanager
    def partitioned(self, minority: str) -> Iterator[None]:
        """One node is cut off from the others; the services go on reaching all three."""
        others = [node for node in self.nodes if node != minority]
        pids = self.stack.main_pids(minority)
        addresses = [address for node in others for address in self.stack.addresses(node)]
        drop("-I", pids, addresses)
        try:
            yield
        finally:
            drop("-D", pids, addresses)

    def leader_of(self, queue: str) -> str:
        """The service whose node leads a queue."""
        (leader,) = [q["leader"] for q in self.quorum_queues(self.nodes[0]) if q["name"] == queue]
        return str(leader).partition("@")[2]

    def _ask(self, node: str, *command: str) -> Any:
        """What a node says in JSON; None while it does not answer."""
        (container,) = self.stack.containers(node)
        done = container.exec_run(
            ["rabbitmqctl", "-q", "--formatter", "json", *command], demux=True
        )
        return json.loads(done.output[0]) if done.exit_code == 0 else None
