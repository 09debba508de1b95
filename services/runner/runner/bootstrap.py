"""Puts the runner together: the only place that builds clients."""

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import docker
from pika.adapters.blocking_connection import BlockingChannel

from runlet import build_info, metrics, tracing
from runlet.broker import steps, topology
from runlet.broker.consumer import Consumer, Delivery
from runlet.broker.line import Declare
from runlet.broker.publisher import Publisher
from runlet.broker.redeliveries import counted
from runlet.broker.subscriber import Binding, Subscriber
from runlet.clock import SystemClock
from runlet.lifecycle import StopSignal
from runlet.ops_server import OPS_PORT, OpsServer
from runlet.tracing import Tracer
from runner import metering
from runner.cancellations import Cancellations
from runner.config import Config
from runner.hand_back import HandBack
from runner.handler import RunHandler
from runner.reporter import Reporter
from runner.sandbox.docker_sandbox import DockerSandbox, SandboxSettings
from runner.sandbox.engine import ContainerSettings, Engine, runner_container
from runner.sandbox.pool import PoolSize, WarmPool
from runner.sandbox.reaper import HOST_OWNER_PREFIX, Reaper
from runner.slots import Slots

NAME = "runner"


@dataclass(frozen=True)
class Runner:
    """All parts of a runner, wired but not started."""

    consumer: Consumer
    publisher: Publisher
    control: Subscriber
    slots: Slots
    pool: WarmPool
    reaper: Reaper
    engine: Engine
    tracer: Tracer

    def run(self, stop: StopSignal) -> None:
        """Serve until `stop` is set, then close in the order of the flow.

        First no more deliveries are taken, then what waits is handed back and what runs ends, which
        cancelling may still hasten; what that has to tell goes out before the publisher closes.
        """
        self.reaper.start()
        self.pool.open()
        self.publisher.start()
        self.control.start()
        self.consumer.run(stop, self._is_drained)
        # Without a connection to drain by, the consumer is back before the slots are idle.
        self.slots.close()
        self.slots.join()
        self.control.close()
        self.publisher.close()
        self.reaper.stop()
        self.pool.close()
        self.tracer.close()

    def ops_server(self, port: int = OPS_PORT) -> OpsServer:
        """Health, readiness and metrics of this runner."""
        return OpsServer(
            healthy=lambda: True,
            ready=lambda: {
                "message broker": self.consumer.connected and self.publisher.connected,
                "container engine": self.engine.answers(),
            },
            metrics=metrics.RUNNER,
            port=port,
        )

    def _is_drained(self) -> bool:
        self.slots.close()
        return self.slots.are_idle()


def build(config: Config, client: docker.DockerClient) -> Runner:
    """Wire a runner. Raises ValueError when the configuration names an unknown language."""
    languages = config.served()
    owner = owner_name(client)
    engine = Engine(client, _container_settings(config, owner))
    pool = _create_pool(config, engine)
    settings = SandboxSettings(config.sandbox_runs_per_container, config.default_memory_mb)
    sandbox = DockerSandbox(engine, pool, settings)

    def declare(channel: BlockingChannel) -> None:
        topology.declare(channel, languages)

    def settle(deliveries: Sequence[Delivery]) -> None:
        consumer.settle(deliveries)

    tracer = tracing.create(config, NAME)
    publisher = Publisher(config, NAME, declare, tracer)
    reporter = Reporter(publisher)
    cancellations = Cancellations()
    handler = RunHandler(
        languages, sandbox, reporter, cancellations, settle, SystemClock(), runner=owner
    )
    slots = Slots(
        config.runner_concurrency,
        lambda delivery: consumer.holds(delivery),
        steps.traced(tracer, "run", handler.handle),
        give_up=lambda delivery: consumer.requeue(delivery),
        hand_back=HandBack(reporter, settle),
    )
    queues = [topology.run_queue(language) for language in languages]
    accept = counted(queues, slots.accept)
    consumer = Consumer(config, NAME, queues, config.runner_concurrency, declare, accept)
    _prepare_metrics(config, pool)
    control = _create_control(config, declare, cancellations)
    reaper = Reaper(engine, owner)
    return Runner(consumer, publisher, control, slots, pool, reaper, engine, tracer)


def _container_settings(config: Config, owner: str) -> ContainerSettings:
    return ContainerSettings(
        owner,
        config.sandbox_runtime or None,
        config.default_memory_mb,
        config.sandbox_fork_servers == "on",
    )


def _prepare_metrics(config: Config, pool: WarmPool) -> None:
    build_info.announce(NAME, Path(__file__).parent)
    metering.prepare(config.runner_concurrency, config.served())
    metering.watch_size(pool, config.served())


def _create_pool(config: Config, engine: Engine) -> WarmPool:
    return WarmPool(
        config.served().values(),
        PoolSize(config.sandbox_pool_floor, config.sandbox_pool_ceiling),
        config.sandbox_runs_per_container,
        metering.timed(engine.start_container),
        engine.remove,
        SystemClock(),
        metering.PoolMeter(),
    )


def _create_control(config: Config, declare: Declare, cancellations: Cancellations) -> Subscriber:
    return Subscriber(
        config,
        f"{NAME}-control",
        declare,
        [Binding(topology.CONTROL)],
        cancellations.hear,
        # What is missed while it is away is told again: see Cancellations.
        on_connection=lambda _connected: None,
    )


def owner_name(client: docker.DockerClient) -> str:
    """What sandboxes are labelled with: this container's id, or this process on its host.

    The engine is asked, because a file that marks containers may lie about in a virtual machine.
    """
    hostname = socket.gethostname()
    if runner_container(client.api, hostname) is None:
        return f"{HOST_OWNER_PREFIX}{hostname}:{os.getpid()}"
    return hostname
