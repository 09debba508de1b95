"""Puts the runner together: the only place that builds clients."""

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import docker

from runlet import topology
from runlet.clock import Clock, SystemClock
from runlet.lifecycle import StopSignal
from runlet_amqp import declaration, delivery_tracing
from runlet_amqp.consumer import Consumer, Delivery
from runlet_amqp.declaration import Topology
from runlet_amqp.publisher import Publisher
from runlet_amqp.redelivery_counter import counted
from runlet_amqp.subscriber import Binding, Subscriber
from runlet_telemetry import build_info, metrics, tracers
from runlet_telemetry.ops_server import OPS_PORT, OpsServer
from runlet_telemetry.supervision import Loop, Supervisor
from runlet_telemetry.tracing import Tracer
from runner import instrumentation
from runner.config import Config
from runner.consume.cancellations import Cancellations
from runner.consume.event_publisher import EventPublisher
from runner.consume.handler import RunHandler
from runner.consume.return_unstarted import UnstartedReturn
from runner.consume.worker_threads import WorkerThreads
from runner.containers.engine import ContainerSettings, Engine, runner_container
from runner.containers.engine_probe import EngineProbe
from runner.containers.pool import PoolSize, WarmPool
from runner.containers.reaper import HOST_OWNER_PREFIX, INTERVAL_SECONDS, Reaper
from runner.sandbox.docker_sandbox import DockerSandbox, SandboxSettings
from runner.stop_time import StopTime

NAME = "runner"


@dataclass(frozen=True)
class Runner:
    """All parts of a runner, wired but not started."""

    supervisor: Supervisor
    consumer: Consumer
    publisher: Publisher
    control: Subscriber
    workers: WorkerThreads
    pool: WarmPool
    reaper: Reaper
    probe: EngineProbe
    engine: Engine
    tracer: Tracer
    clock: Clock = field(default_factory=SystemClock)

    def run(self, stop: StopSignal) -> None:
        """Serve until `stop` is set, then close in the order of the flow.

        First no more deliveries are taken, then what waits is returned and what runs ends, which
        cancelling may still hasten; what that has to publish goes out before the publisher closes.
        """
        worker_loops, pool_loops = self.workers.loops(), self.pool.loops()
        reaper = Loop("reaper", self.reaper.run, period_seconds=INTERVAL_SECONDS)
        engine_loops = (Loop("engine-probe", self.probe.run), reaper)
        self.supervisor.start(*engine_loops, *pool_loops, *worker_loops)
        self.supervisor.start(
            self.publisher.loop(), self.control.loop(), self.consumer.loop(self._is_drained)
        )
        stop.wait()
        self._stop(_names(worker_loops), _names((*engine_loops, *pool_loops)))

    def _stop(self, workers: Sequence[str], engine_and_pool: Sequence[str]) -> None:
        time = StopTime(self.clock)
        self.supervisor.stop("consumer", timeout=time.for_runs())
        # Without a connection to drain by, the consumer has ended before the workers are idle.
        self._begin_drain()
        self.workers.wait_until_idle(time.for_runs())
        for names in ((*workers, "subscriber"), ("publisher",), engine_and_pool):
            self.supervisor.stop(*names, timeout=time.for_step())
        self.pool.close()
        self.supervisor.stop_all(timeout=time.for_step())
        self.tracer.close()

    def ops_server(self, port: int = OPS_PORT) -> OpsServer:
        """Health, readiness and metrics of this runner."""
        return OpsServer(
            stalled=self.supervisor.stalled,
            ready=lambda: {
                "message broker": self.consumer.connected and self.publisher.connected,
                "container engine": self.probe.check(),
            },
            metrics=metrics.RUNNER,
            port=port,
        )

    def _is_drained(self) -> bool:
        self._begin_drain()
        return self.workers.are_idle()

    def _begin_drain(self) -> None:
        self.workers.close()
        self.probe.end_waits()


def _names(loops: Sequence[Loop]) -> list[str]:
    return [loop.name for loop in loops]


def build(config: Config, client: docker.DockerClient) -> Runner:
    """Wire a runner. Raises ValueError when the configuration names an unknown language."""
    languages = config.served()
    owner = owner_name(client)
    engine = Engine(client, _container_settings(config, owner))
    probe = EngineProbe(engine.answers)
    pool = _create_pool(config, engine)
    sandbox = _create_sandbox(config, engine, probe, pool)

    def acknowledge(deliveries: Sequence[Delivery]) -> None:
        consumer.settle(deliveries)

    wanted = declaration.create_topology(languages)
    tracer = tracers.create(config, NAME)
    publisher = Publisher(config, NAME, wanted, tracer)
    events = EventPublisher(publisher)
    cancellations = Cancellations()
    handler = RunHandler(
        languages, sandbox, events, cancellations, acknowledge, SystemClock(), runner=owner
    )
    workers = WorkerThreads(
        config.runner_concurrency,
        lambda delivery: consumer.is_current(delivery),
        delivery_tracing.traced(tracer, "run", handler.handle),
        requeue=lambda delivery: consumer.requeue(delivery),
        return_unstarted=UnstartedReturn(events, acknowledge),
    )
    queues = [topology.run_queue(language) for language in languages]
    accept = counted(queues, workers.accept)
    consumer = Consumer(config, NAME, queues, config.runner_concurrency, wanted, accept)
    _prepare_metrics(config, pool)
    return Runner(
        supervisor=Supervisor(),
        consumer=consumer,
        publisher=publisher,
        control=_create_control(config, wanted, cancellations),
        workers=workers,
        pool=pool,
        reaper=Reaper(engine, owner),
        probe=probe,
        engine=engine,
        tracer=tracer,
    )


def _create_sandbox(
    config: Config, engine: Engine, probe: EngineProbe, pool: WarmPool
) -> DockerSandbox:
    settings = SandboxSettings(config.sandbox_runs_per_container, config.default_memory_mb)
    return DockerSandbox(engine, probe, pool, settings, SystemClock())


def _container_settings(config: Config, owner: str) -> ContainerSettings:
    return ContainerSettings(
        owner,
        config.sandbox_runtime or None,
        config.default_memory_mb,
        config.sandbox_fork_servers == "on",
    )


def _prepare_metrics(config: Config, pool: WarmPool) -> None:
    build_info.announce(NAME, Path(__file__).parent)
    instrumentation.prepare(config.runner_concurrency, config.served())
    instrumentation.watch_size(pool, config.served())


def _create_pool(config: Config, engine: Engine) -> WarmPool:
    return WarmPool(
        config.served().values(),
        PoolSize(config.sandbox_pool_floor, config.sandbox_pool_ceiling),
        config.sandbox_runs_per_container,
        instrumentation.timed(engine.start_container),
        engine.remove,
        SystemClock(),
        instrumentation.PoolMeter(),
    )


def _create_control(config: Config, wanted: Topology, cancellations: Cancellations) -> Subscriber:
    return Subscriber(
        config,
        f"{NAME}-control",
        wanted,
        [Binding(topology.CONTROL)],
        cancellations.handle,
        # What is missed while it is away is sent again: see Cancellations.
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
