"""Prepares a broker for this version: policies, topology, and queues of an older version.

`python -m runlet_amqp.prepare_broker POLICIES`, before the services start, with the settings that
they have; POLICIES is deploy/rabbitmq/policies.json or an operator's own. It may be run at any
time, and again after it broke off: what is as it should be already stays.
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pika
import structlog

from runlet import config
from runlet.backoff import Stop, retry_until_stopped
from runlet.languages import offered
from runlet.lifecycle import StopSignal
from runlet.settings import LanguageList, LogLevel
from runlet_amqp import policies
from runlet_amqp.connection import connect
from runlet_amqp.declaration import create_topology
from runlet_amqp.errors import BrokerRefusedError, BrokerUnavailableError, broker_errors
from runlet_amqp.management import Management, ManagementSettings
from runlet_amqp.policies import Policy
from runlet_amqp.queue_migration import QueueMigration
from runlet_telemetry import logs

log = structlog.get_logger()

NAME = "prepare-broker"
# An exclusive queue, which another connection can neither declare nor use.
LOCK = "runlet.prepare-broker"
# What a broker refuses, such as a user without the right, it goes on refusing.
MAX_REFUSALS = 3


class GaveUpError(Exception):
    """The broker refused again and again."""


@dataclass(frozen=True, kw_only=True)
class Config(ManagementSettings):
    """Each field is an environment variable of the same name, in capitals."""

    languages: LanguageList = ""
    log_level: LogLevel = "INFO"

    def offered_languages(self) -> tuple[str, ...]:
        """The ids of the deployment's languages. Raises ConfigError for an unknown one."""
        try:
            return tuple(offered(config.comma_separated(self.languages)))
        except ValueError as error:
            raise config.ConfigError(f"The setting LANGUAGES is not usable: {error}.") from error


def prepare(settings: Config, wanted_policies: tuple[Policy, ...]) -> tuple[str, ...]:
    """Prepare the broker once, and give the queues of an older version that are in use.

    Raises BrokerUnavailableError when the broker does not answer, BrokerRefusedError when it
    refuses, or has no management API.
    """
    management = settings.management()
    topology = create_topology(settings.offered_languages())
    with connect(settings, NAME) as connection:
        _lock(connection)
        _apply(management, wanted_policies)
        return QueueMigration(connection, topology, management.count_messages).run()


def _apply(management: Management, wanted: tuple[Policy, ...]) -> None:
    """Apply the policies to a broker that answers otherwise."""
    try:
        management.apply_policies(wanted)
    except BrokerRefusedError:
        raise
    except BrokerUnavailableError as error:
        message = f"{error} The broker itself answers. Check RABBITMQ_MANAGEMENT_ADDRESS."
        raise BrokerRefusedError(message) from error


def _lock(connection: pika.BlockingConnection) -> None:
    """Keep others from preparing as well, as long as the connection lasts.

    Raises BrokerUnavailableError while another has the lock.
    """
    with broker_errors():
        connection.channel().queue_declare(LOCK, exclusive=True)


class Attempts:
    """Attempts to prepare a broker: it may be away for long, but refuses a few times only."""

    def __init__(self, settings: Config, wanted: tuple[Policy, ...]) -> None:
        self._settings = settings
        self._wanted = wanted
        self._refusals = 0

    def run(self, stop: Stop) -> tuple[str, ...]:
        """Prepare it as soon as it answers, and give the queues that are in use.

        Raises GaveUpError after MAX_REFUSALS, BrokerUnavailableError once `stop` is set.
        """
        return retry_until_stopped(self._attempt, stop, (BrokerUnavailableError,), _log_failure)

    def _attempt(self) -> tuple[str, ...]:
        try:
            return prepare(self._settings, self._wanted)
        except BrokerRefusedError as error:
            self._refusals += 1
            if self._refusals == MAX_REFUSALS:
                raise GaveUpError(str(error)) from error
            raise


def main() -> int:
    """Prepare the broker, as soon as it answers; 1 where it refuses, or SIGTERM came first."""
    settings = config.load(Config, os.environ)
    logs.configure(NAME, settings.log_level)
    wanted = policies.read_file(Path(sys.argv[1]).read_text(encoding="utf-8"))
    stop = StopSignal()
    stop.install()
    try:
        in_use = Attempts(settings, wanted).run(stop)
    except GaveUpError as error:
        log.error("policies_not_applied", error=str(error))
        return 1
    except BrokerUnavailableError:
        return 1
    if in_use:
        # They work, with the limits that they were made with. The next start migrates them.
        log.warning("queues_not_migrated", queues=in_use, reason="Services still use them.")
    log.info("broker_prepared", policies=len(wanted))
    return 0


def _log_failure(attempt: int, error: BaseException) -> None:
    log.warning("broker_not_prepared", attempt=attempt, error=str(error))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except config.ConfigError as error:
        sys.exit(str(error))
