"""Puts the execution API, its relay and its command line together; only here clients are built."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flask import Flask
from sqlalchemy import Engine

from execution_api import context, instrumentation, problems
from execution_api.config import ApiConfig, CommandConfig, ProcessConfig, RelayConfig
from execution_api.dead_letters.repository import DeadLetterRepository
from execution_api.dead_letters.requeue import Requeuer, leave_to_relay
from execution_api.dead_letters.routes import dead_letters
from execution_api.executions.cancel import Canceller
from execution_api.executions.cancel_repository import CancellationRepository
from execution_api.executions.event_listener import create_listener
from execution_api.executions.missed_event_poller import MissedEventPoller, State, States
from execution_api.executions.repository import ExecutionRepository
from execution_api.executions.routes import executions
from execution_api.executions.waiters import WaiterRegistry
from execution_api.openapi import callback_document
from execution_api.outbox.gauges import OutboxGauges
from execution_api.outbox.outbox import Outbox
from execution_api.outbox.relay import OutboxRelay
from execution_api.runs.backlog import Backlog
from execution_api.runs.routes import runs
from execution_api.runs.schema import CALLBACK_COMPONENT
from execution_api.runs.session_client import SessionClient
from execution_api.runs.submission import RunSubmission
from execution_api.streaming.output_buffer import OutputBuffer, Progress
from execution_api.streaming.routes import streams
from runlet import callback_hosts
from runlet.clock import SystemClock
from runlet.config import ConfigError
from runlet_amqp import declaration
from runlet_amqp.declaration import Topology
from runlet_amqp.policy_keeper import PolicyKeeper
from runlet_amqp.publisher import Publisher
from runlet_amqp.subscriber import Subscriber
from runlet_http import auth, database_errors
from runlet_http.app import Description, create_app
from runlet_loop_guard import LoopGuard, load_grammars
from runlet_postgres import engines
from runlet_telemetry import build_info, metrics, tracers
from runlet_telemetry.ops_server import OPS_PORT, OpsServer
from runlet_telemetry.supervision import Loop, Supervisor
from runlet_telemetry.tracing import Tracer

SESSION_CONNECTIONS = 32
# The relay's, and that of its gauges.
RELAY_DATABASE_CONNECTIONS = 2
# For all loops. Longer than the relay waits for confirms; shorter than the time after which the
# process is killed.
RELAY_STOP_SECONDS = 25.0
COMMAND_DATABASE_CONNECTIONS = 1


@dataclass(frozen=True)
class Api:
    """The application and its background loops, in the order in which they stop.

    `begin_shutdown` ends the streams, whose readers go on reading elsewhere.
    """

    app: Flask
    loops: tuple[Loop, ...]
    supervisor: Supervisor
    begin_shutdown: Callable[[], None]
    tracer: Tracer

    def start(self) -> None:
        """Start the loops; threads do not outlive a fork, so call it in the process that serves."""
        self.supervisor.start(*self.loops)

    def close(self) -> None:
        """Let the loops finish what is in hand, one after the other."""
        for loop in self.loops:
            self.supervisor.stop(loop.name)
        self.supervisor.stop_all()
        self.tracer.close()


@dataclass(frozen=True)
class EventDelivery:
    """How what becomes of executions reaches those who wait for it."""

    waiters: WaiterRegistry
    output_buffer: OutputBuffer
    poller: MissedEventPoller
    listener: Subscriber


@dataclass(frozen=True)
class RelayProcess:
    """The relay and what serves it."""

    relay: OutboxRelay
    publisher: Publisher
    gauges: OutboxGauges
    policy_keeper: PolicyKeeper
    ops: OpsServer
    supervisor: Supervisor
    tracer: Tracer

    def start(self) -> None:
        """Start all loops."""
        self.supervisor.start(
            self.ops.loop(),
            self.publisher.loop(),
            self.gauges.loop(),
            self.policy_keeper.loop(),
            self.relay.loop(),
        )

    def close(self) -> None:
        """Let the loops finish what is in hand, the relay before its publisher."""
        self.supervisor.stop_in_order(("relay",), timeout=RELAY_STOP_SECONDS)
        self.tracer.close()


@dataclass(frozen=True)
class DeadLetterTools:
    """What the command line works with."""

    letters: DeadLetterRepository
    requeuer: Requeuer


def create_api(config: ApiConfig) -> Api:
    """The HTTP API. Raises ConfigError for an unknown language, and tokens that cannot be used."""
    name = "execution-api"
    build_info.announce(name, Path(__file__).parent)
    instrumentation.prepare(config.offered_languages())
    tracer = tracers.create(config, name)
    engine = engines.create_engine(
        config.database_url, name, config.database_pool_size, autocommit=True
    )
    publisher = Publisher(config, name, _topology(config), tracer)
    outbox = Outbox(publisher, engine)
    events = _create_event_delivery(config, f"{name}-listener", engine)
    parts = _create_parts(config, engine, publisher, outbox, events)
    supervisor = Supervisor()
    app = _create_app(config, publisher, parts, supervisor, tracer)
    # The outbox ends after the publisher: the last confirms are still to be noted.
    loops = (publisher.loop(), outbox.loop(), events.listener.loop(), events.poller.loop())
    return Api(app, loops, supervisor, events.waiters.begin_shutdown, tracer)


def create_relay(config: RelayConfig, ops_port: int = OPS_PORT) -> RelayProcess:
    """The relay. Raises ConfigError for an unknown language, and policies that are none."""
    name = "execution-relay"
    engine = engines.create_engine(
        config.database_url, name, RELAY_DATABASE_CONNECTIONS, autocommit=False
    )
    tracer = tracers.create(config, name)
    publisher = Publisher(config, name, _topology(config), tracer)
    relay = OutboxRelay(engine, publisher, list(config.offered_languages()))
    build_info.announce(name, Path(__file__).parent)
    database_answers = engines.create_probe(config.database_url, name)
    supervisor = Supervisor()
    ops = OpsServer(
        stalled=supervisor.stalled,
        ready=lambda: {"database": database_answers(), "message broker": publisher.connected},
        metrics=metrics.RELAY,
        port=ops_port,
    )
    keeper = PolicyKeeper(config.management(), config.policies())
    return RelayProcess(relay, publisher, OutboxGauges(engine), keeper, ops, supervisor, tracer)


def create_dead_letter_tools(config: CommandConfig) -> DeadLetterTools:
    """Dead letters without a broker: what is requeued there, the relay publishes."""
    engine = engines.create_engine(
        config.database_url, "dead-letters", COMMAND_DATABASE_CONNECTIONS, autocommit=True
    )
    letters = DeadLetterRepository(engine)
    return DeadLetterTools(letters, Requeuer(letters, leave_to_relay, SystemClock()))


def _create_parts(
    config: ApiConfig, engine: Engine, publisher: Publisher, outbox: Outbox, events: EventDelivery
) -> context.Context:
    clock = SystemClock()
    repository = ExecutionRepository(engine)
    letters = DeadLetterRepository(engine)
    languages = config.offered_languages()
    if config.loop_guard is LoopGuard.REJECT:
        load_grammars(languages)
    submission = RunSubmission(
        sessions=_create_session_client(config),
        repository=repository,
        outbox=outbox,
        backlog=Backlog(repository.count_queued, config.max_queue_depth, clock),
        languages=languages,
        limits=config,
        rate_limits=config,
        callback_hosts=callback_hosts.parse(config.callback_allowed_hosts),
        rejects_endless_loops=config.loop_guard is LoopGuard.REJECT,
        waiters=events.waiters,
        clock=clock,
    )
    canceller = Canceller(CancellationRepository(engine), publisher, clock)
    requeuer = Requeuer(letters, outbox.publish, clock)
    return context.Context(
        submission,
        canceller,
        requeuer,
        repository,
        letters,
        events.waiters,
        events.output_buffer,
    )


def _create_event_delivery(config: ApiConfig, name: str, engine: Engine) -> EventDelivery:
    waiters, output_buffer = WaiterRegistry(), OutputBuffer(SystemClock())

    def note(state: State) -> None:
        output_buffer.record_progress(state.execution_id, Progress.of(state.status, state.attempts))

    poller = MissedEventPoller(waiters, States(engine).read, note)
    listener = create_listener(config, name, _topology(config), waiters, output_buffer, poller)
    return EventDelivery(waiters, output_buffer, poller, listener)


def _create_app(
    config: ApiConfig,
    publisher: Publisher,
    parts: context.Context,
    supervisor: Supervisor,
    tracer: Tracer,
) -> Flask:
    checks = {
        "database": engines.create_probe(config.database_url, "execution-api"),
        "message broker": lambda: publisher.connected,
    }
    description = Description(
        title="Runlet execution API",
        ready_checks=checks,
        # While it is away, runs are accepted into the outbox, and results can be read.
        deferrable=frozenset({"message broker"}),
        metrics=metrics.EXECUTION_API,
        stalled=supervisor.stalled,
    )
    app, api = create_app(description, tracer)
    auth.install(app, api, config, trusts_services=False)
    context.attach(app, parts)
    database_errors.install(app)
    problems.install(app)
    callbacks = callback_document.describe(parts.submission.callback_hosts)
    api.spec.components.schema(CALLBACK_COMPONENT, callbacks)
    for blueprint in (runs, executions, streams, dead_letters):
        api.register_blueprint(blueprint)
    return app


def _create_session_client(config: ApiConfig) -> SessionClient:
    if config.needs_token() and not config.service_token:
        raise ConfigError(
            "SERVICE_TOKEN is not set. With API_TOKENS the session API asks for a token, so give "
            "both APIs one for the calls between them, such as `openssl rand -hex 32` prints."
        )
    return SessionClient(config.session_api_url, SESSION_CONNECTIONS, config.service_token)


def _topology(config: ProcessConfig) -> Topology:
    return declaration.create_topology(config.offered_languages())
