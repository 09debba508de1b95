"""Puts the execution API, its relay and its command line together; only here clients are built."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flask import Flask
from sqlalchemy import Engine

from execution_api import context, instrumentation
from execution_api.config import ApiConfig, CommandConfig, RelayConfig
from execution_api.dead_letters.repository import DeadLetterRepository
from execution_api.dead_letters.requeue import Requeueing, leave_to_relay
from execution_api.dead_letters.routes import dead_letters
from execution_api.executions.cancel import Cancelling
from execution_api.executions.cancel_repository import CancellationRepository
from execution_api.executions.event_listener import create_listener
from execution_api.executions.missed_event_poller import LookOut, State, States
from execution_api.executions.repository import ExecutionRepository
from execution_api.executions.routes import executions
from execution_api.executions.waiters import Waiters
from execution_api.openapi import callback_document
from execution_api.outbox.gauges import OutboxGauges
from execution_api.outbox.outbox import Outbox
from execution_api.outbox.relay import OutboxRelay
from execution_api.runs import loop_check
from execution_api.runs.backlog import Backlog
from execution_api.runs.schema import CALLBACK_COMPONENT
from execution_api.runs.session_client import SessionClient
from execution_api.runs.submission import Acceptance
from execution_api.streaming.output_buffer import LiveOutput, Progress
from runlet import callback_hosts
from runlet.clock import SystemClock
from runlet.config import ConfigError
from runlet_amqp import declaration
from runlet_amqp.declaration import Topology
from runlet_amqp.publisher import Publisher
from runlet_amqp.subscriber import Subscriber
from runlet_http import auth, database_errors
from runlet_http.app import Description, create_app
from runlet_postgres import engines
from runlet_telemetry import build_info, metrics, tracers
from runlet_telemetry.ops_server import OPS_PORT, OpsServer
from runlet_telemetry.supervision import Supervisor
from runlet_telemetry.tracing import Tracer

SESSION_CONNECTIONS = 32
RELAY_DATABASE_CONNECTIONS = 1
COMMAND_DATABASE_CONNECTIONS = 1


@dataclass(frozen=True)
class Api:
    """The application and its threads.

    `send_readers_away` ends the streams, whose readers go on reading elsewhere.
    """

    app: Flask
    supervisor: Supervisor
    publisher: Publisher
    listener: Subscriber
    outbox: Outbox
    look_out: LookOut
    send_readers_away: Callable[[], None]
    tracer: Tracer

    def start(self) -> None:
        """Start the threads; they do not outlive a fork, so call it in the process that serves."""
        self.supervisor.start(self.publisher.loop(), self.listener.loop())
        self.outbox.start()
        self.look_out.start()

    def close(self) -> None:
        """Let the threads finish what is in hand."""
        self.supervisor.stop("publisher")
        # After the publisher: the last confirms are still to be noted.
        self.outbox.close()
        self.supervisor.stop("subscriber")
        self.look_out.close()
        self.supervisor.stop_all()
        self.tracer.close()


@dataclass(frozen=True)
class News:
    """How what becomes of executions reaches those who wait for it."""

    waiters: Waiters
    live_output: LiveOutput
    look_out: LookOut
    listener: Subscriber


@dataclass(frozen=True)
class RelayProcess:
    """The relay and what serves it."""

    relay: OutboxRelay
    supervisor: Supervisor
    publisher: Publisher
    ops: OpsServer
    tracer: Tracer


@dataclass(frozen=True)
class DeadLetterDesk:
    """What the command line works with."""

    letters: DeadLetterRepository
    requeueing: Requeueing


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
    news = _create_news(config, f"{name}-listener", engine)
    parts = _create_parts(config, engine, publisher, outbox, news)
    app = _create_app(config, publisher, parts, tracer)
    return Api(
        app,
        Supervisor(),
        publisher,
        news.listener,
        outbox,
        news.look_out,
        news.waiters.leave,
        tracer,
    )


def create_relay(config: RelayConfig, ops_port: int = OPS_PORT) -> RelayProcess:
    """The relay. Raises ConfigError when `config.languages` names an unknown language."""
    name = "execution-relay"
    engine = engines.create_engine(
        config.database_url, name, RELAY_DATABASE_CONNECTIONS, autocommit=False
    )
    tracer = tracers.create(config, name)
    publisher = Publisher(config, name, _topology(config), tracer)
    supervisor = Supervisor()
    clock, languages = SystemClock(), list(config.offered_languages())
    gauges = OutboxGauges(engine, clock)
    relay = OutboxRelay(engine, publisher, languages, clock, gauges.measure_when_due)
    build_info.announce(name, Path(__file__).parent)
    database_answers = engines.create_probe(config.database_url, name)
    ops = OpsServer(
        stalled=lambda: supervisor.stalled() + ([] if relay.alive else ["relay"]),
        ready=lambda: {"database": database_answers(), "message broker": publisher.connected},
        metrics=metrics.RELAY,
        port=ops_port,
    )
    return RelayProcess(relay, supervisor, publisher, ops, tracer)


def create_dead_letter_desk(config: CommandConfig) -> DeadLetterDesk:
    """Dead letters without a broker: what is requeued there, the relay publishes."""
    engine = engines.create_engine(
        config.database_url, "dead-letters", COMMAND_DATABASE_CONNECTIONS, autocommit=True
    )
    letters = DeadLetterRepository(engine)
    return DeadLetterDesk(letters, Requeueing(letters, leave_to_relay, SystemClock()))


def _create_parts(
    config: ApiConfig, engine: Engine, publisher: Publisher, outbox: Outbox, news: News
) -> context.Context:
    clock = SystemClock()
    repository = ExecutionRepository(engine)
    letters = DeadLetterRepository(engine)
    languages = config.offered_languages()
    loop_check.warm_up(config.loop_guard, languages)
    acceptance = Acceptance(
        sessions=_create_session_client(config),
        repository=repository,
        outbox=outbox,
        backlog=Backlog(repository.count_queued, config.max_queue_depth, clock),
        languages=languages,
        settings=config,
        bounds=config,
        callback_hosts=callback_hosts.parse(config.callback_allowed_hosts),
        loop_guard=config.loop_guard,
        waiters=news.waiters,
        clock=clock,
    )
    cancelling = Cancelling(CancellationRepository(engine), publisher, clock)
    requeueing = Requeueing(letters, outbox.hand_over, clock)
    return context.Context(
        acceptance,
        cancelling,
        requeueing,
        repository,
        letters,
        news.waiters,
        news.live_output,
    )


def _create_news(config: ApiConfig, name: str, engine: Engine) -> News:
    waiters, live_output = Waiters(), LiveOutput(SystemClock())

    def note(state: State) -> None:
        live_output.note(state.execution_id, Progress.of(state.status, state.attempts))

    look_out = LookOut(waiters, States(engine).read, note)
    listener = create_listener(config, name, _topology(config), waiters, live_output, look_out)
    return News(waiters, live_output, look_out, listener)


def _create_app(
    config: ApiConfig, publisher: Publisher, parts: context.Context, tracer: Tracer
) -> Flask:
    checks = {
        "database": engines.create_probe(config.database_url, "execution-api"),
        "message broker": lambda: publisher.connected,
    }
    description = Description(
        title="Runlet execution API", ready_checks=checks, metrics=metrics.EXECUTION_API
    )
    app, api = create_app(description, tracer)
    auth.install(app, api, config, trusts_services=False)
    context.attach(app, parts)
    database_errors.install(app)
    callbacks = callback_document.describe(parts.acceptance.callback_hosts)
    api.spec.components.schema(CALLBACK_COMPONENT, callbacks)
    api.register_blueprint(executions)
    api.register_blueprint(dead_letters)
    return app


def _create_session_client(config: ApiConfig) -> SessionClient:
    if config.needs_token() and not config.service_token:
        raise ConfigError(
            "SERVICE_TOKEN is not set. With API_TOKENS the session API asks for a token, so give "
            "both APIs one for the calls between them, such as `openssl rand -hex 32` prints."
        )
    return SessionClient(config.session_api_url, SESSION_CONNECTIONS, config.service_token)


def _topology(config: RelayConfig) -> Topology:
    return declaration.create_topology(config.offered_languages())
