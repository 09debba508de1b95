"""Puts the runner together: the only place that builds clients."""

import os
import socket
from dataclasses import dataclass

import docker
from docker.errors import NotFound
from pika.adapters.blocking_connection import BlockingChannel

from runlet.broker import topology
from runlet.broker.consumer import Consumer
from runlet.broker.publisher import Publisher
from runlet.clock import SystemClock
from runlet.lifecycle import StopSignal
from runlet.ops_server import OpsServer
from runner.config import Config
from runner.handler import RunHandler
from runner.reporter import Reporter
from runner.sandbox.docker_sandbox import DockerSandbox, SandboxSettings
from runner.sandbox.engine import ContainerSettings, Engine
from runner.sandbox.pool import PoolSize, WarmPool
from runner.sandbox.reaper import HOST_OWNER_PREFIX, Reaper
from runner.slots import Slots

NAME = "runner"


@dataclass(frozen=True)
class Runner:
    """All parts of a runner, wired but not started."""

    consumer: Consumer
    publisher: Publisher
    slots: Slots
    pool: WarmPool
    reaper: Reaper
    engine: Engine

    def run(self, stop: StopSignal) -> None:
        """Serve until `stop` is set, then finish what runs and close in the order of the flow."""
        self.reaper.start()
        self.pool.open()
        self.publisher.start()
        self.consumer.run(stop, self._is_drained)
        self.publisher.close()
        self.reaper.stop()
        self.pool.close()

    def ops_server(self) -> OpsServer:
        """Health, readiness and metrics of this runner."""
        return OpsServer(
            healthy=lambda: True,
            ready=lambda: {
                "message broker": self.consumer.connected and self.publisher.connected,
                "container engine": self.engine.answers(),
            },
        )

    def _is_drained(self) -> bool:
        self.slots.close()
        return self.slots.are_idle()


def build(config: Config, client: docker.DockerClient) -> Runner:
    """Wire a runner. Raises ValueError when the configuration names an unknown language."""
    languages = config.served()
    owner = owner_name(client)
    clock = SystemClock()

    def declare(channel: BlockingChannel) -> None:
        topology.declare(channel, languages)

    engine = Engine(
        client, ContainerSettings(owner, config.sandbox_runtime or None, config.default_memory_mb)
    )
    pool = WarmPool(
        languages.values(),
        PoolSize(config.sandbox_pool_floor, config.sandbox_pool_ceiling),
        config.sandbox_runs_per_container,
        engine.start_container,
        clock,
    )
    sandbox = DockerSandbox(
        engine,
        pool,
        SandboxSettings(config.sandbox_runs_per_container, config.default_memory_mb),
    )
    publisher = Publisher(config.amqp_url, NAME, declare)
    handler = RunHandler(
        languages,
        sandbox,
        Reporter(publisher),
        settle=lambda delivery: consumer.settle([delivery]),
        clock=clock,
        runner=owner,
    )
    slots = Slots(
        config.runner_concurrency,
        handler.handle,
        hand_back=lambda delivery: consumer.hand_back(delivery),
    )
    consumer = Consumer(
        config.amqp_url,
        NAME,
        [topology.run_queue(language) for language in languages],
        config.runner_concurrency,
        declare,
        slots.accept,
    )
    return Runner(consumer, publisher, slots, pool, Reaper(engine, owner), engine)


def owner_name(client: docker.DockerClient) -> str:
    """What sandboxes are labelled with: this container's id, or this process on its host.

    The engine is asked, because a file that marks containers may lie about in a virtual machine.
    """
    hostname = socket.gethostname()
    try:
        client.containers.get(hostname)
    except NotFound:
        return f"{HOST_OWNER_PREFIX}{hostname}:{os.getpid()}"
    return hostname
