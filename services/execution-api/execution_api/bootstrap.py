"""Puts the execution API, its relay and its command line together; only here clients are built."""

from dataclasses import dataclass
from functools import partial
from typing import Protocol

from flask import Flask
from sqlalchemy import Engine

from execution_api import context
from execution_api.acceptance import Acceptance
from execution_api.backlog import Backlog
from execution_api.cancellations import CancellationRepository
from execution_api.cancelling import Cancelling
from execution_api.config import ApiConfig, CommandConfig, RelayConfig
from execution_api.dead_letter_routes import dead_letters
from execution_api.dead_letters import DeadLetterRepository
from execution_api.outbox import Outbox
from execution_api.outbox_relay import OutboxRelay
from execution_api.repository import ExecutionRepository
from execution_api.requeueing import Requeueing, leave_to_relay
from execution_api.result_listener import create_listener
from execution_api.routes import executions
from execution_api.session_client import SessionClient
from execution_api.waiting import Waiters
from runlet import postgres
from runlet.broker import topology
from runlet.broker.publisher import Declare, Publisher
from runlet.clock import SystemClock
from runlet.http import database
from runlet.http.app import Description, create_app
from runlet.ops_server import OPS_PORT, OpsServer

SESSION_CONNECTIONS = 32
RELAY_DATABASE_CONNECTIONS = 1
COMMAND_DATABASE_CONNECTIONS = 1


class Background(Protocol):
    """A thread that works beside the requests."""

    def start(self) -> None:
        """Begin."""
        ...

    def close(self) -> None:
        """Finish what is in hand, and end."""
        ...


@dataclass(frozen=True)
class Api:
    """The application and its threads, in the order in which they stop."""

    app: Flask
    background: tuple[Background, ...]

    def start(self) -> None:
        """Start the threads; they do not outlive a fork, so call it in the process that serves."""
        for part in self.background:
            part.start()

    def close(self) -> None:
        """Let the threads finish what is in hand."""
        for part in self.background:
            part.close()


@dataclass(frozen=True)
class RelayProcess:
    """The relay and what serves it."""

    relay: OutboxRelay
    publisher: Publisher
    ops: OpsServer


@dataclass(frozen=True)
class DeadLetterDesk:
    """What the command line works with."""

    letters: DeadLetterRepository
    requeueing: Requeueing


def create_api(config: ApiConfig) -> Api:
    """The HTTP API. Raises ConfigError when `config.languages` names an unknown language."""
    name = "execution-api"
    engine = postgres.create_engine(
        config.database_url, name, config.database_pool_size, autocommit=True
    )
    publisher = Publisher(config.amqp_url, name, _declare(config))
    outbox = Outbox(publisher, engine)
    waiters = Waiters()
    listener = create_listener(config.amqp_url, f"{name}-listener", _declare(config), waiters)
    parts = _create_parts(config, engine, publisher, outbox, waiters)
    app = _create_app(config, publisher, parts)
    # The outbox ends after the publisher: the last confirms are still to be noted.
    return Api(app, (publisher, outbox, listener))


def create_relay(config: RelayConfig, ops_port: int = OPS_PORT) -> RelayProcess:
    """The relay. Raises ConfigError when `config.languages` names an unknown language."""
    name = "execution-relay"
    engine = postgres.create_engine(
        config.database_url, name, RELAY_DATABASE_CONNECTIONS, autocommit=False
    )
    publisher = Publisher(config.amqp_url, name, _declare(config))
    relay = OutboxRelay(engine, publisher, list(config.offered_languages()), SystemClock())
    database_answers = postgres.create_probe(config.database_url, name)
    ops = OpsServer(
        healthy=lambda: relay.alive,
        ready=lambda: {"database": database_answers(), "message broker": publisher.connected},
        port=ops_port,
    )
    return RelayProcess(relay, publisher, ops)


def create_dead_letter_desk(config: CommandConfig) -> DeadLetterDesk:
    """Dead letters without a broker: what is requeued there, the relay publishes."""
    engine = postgres.create_engine(
        config.database_url, "dead-letters", COMMAND_DATABASE_CONNECTIONS, autocommit=True
    )
    letters = DeadLetterRepository(engine)
    return DeadLetterDesk(letters, Requeueing(letters, leave_to_relay, SystemClock()))


def _create_parts(
    config: ApiConfig, engine: Engine, publisher: Publisher, outbox: Outbox, waiters: Waiters
) -> context.Context:
    clock = SystemClock()
    repository = ExecutionRepository(engine)
    letters = DeadLetterRepository(engine)
    acceptance = Acceptance(
        sessions=SessionClient(config.session_api_url, SESSION_CONNECTIONS),
        repository=repository,
        outbox=outbox,
        backlog=Backlog(repository.count_queued, config.max_queue_depth, clock),
        languages=config.offered_languages(),
        settings=config,
        clock=clock,
    )
    cancelling = Cancelling(CancellationRepository(engine), publisher, clock)
    requeueing = Requeueing(letters, outbox.hand_over, clock)
    return context.Context(acceptance, cancelling, requeueing, repository, letters, waiters)


def _create_app(config: ApiConfig, publisher: Publisher, parts: context.Context) -> Flask:
    checks = {
        "database": postgres.create_probe(config.database_url, "execution-api"),
        "message broker": lambda: publisher.connected,
    }
    app, api = create_app(Description(title="Runlet execution API", ready_checks=checks))
    context.attach(app, parts)
    database.install(app)
    api.register_blueprint(executions)
    api.register_blueprint(dead_letters)
    return app


def _declare(config: RelayConfig) -> Declare:
    return partial(topology.declare, languages=list(config.offered_languages()))
