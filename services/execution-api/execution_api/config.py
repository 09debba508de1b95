"""Settings of the execution API, of its relay and of its command line."""

from dataclasses import dataclass, field
from typing import Annotated

from msgspec import Meta

from execution_api.runs.rate_limits import RateLimitSettings
from runlet.config import ConfigError, comma_separated
from runlet.languages import Language, offered
from runlet.limits import LimitSettings
from runlet.settings import CallbackAllowedHosts, DatabaseUrl, LanguageList, LogLevel
from runlet_amqp.management import ManagementSettings
from runlet_amqp.policies import Policy, create_policies, read_file
from runlet_amqp.settings import BrokerSettings
from runlet_http.auth import TokenSettings
from runlet_loop_guard import LoopGuard, LoopGuardSetting
from runlet_telemetry.tracing_settings import TracingSettings


@dataclass(frozen=True, kw_only=True)
class CommandConfig:
    """What a command line needs; each field is an environment variable of the same name."""

    database_url: DatabaseUrl = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class ProcessConfig(CommandConfig, BrokerSettings, TracingSettings):
    """What the relay and the HTTP API both need on top."""

    languages: LanguageList = ""
    log_level: LogLevel = "INFO"

    def offered_languages(self) -> dict[str, Language]:
        """The languages this deployment runs, by id. Raises ConfigError for an unknown one."""
        try:
            return offered(comma_separated(self.languages))
        except ValueError as error:
            raise ConfigError(f"The setting LANGUAGES is not usable: {error}.") from error


@dataclass(frozen=True, kw_only=True)
class RelayConfig(ProcessConfig, ManagementSettings):
    """What the relay needs on top."""

    broker_policies: Annotated[
        str,
        Meta(
            description="RabbitMQ policies that the relay keeps, as `deploy/rabbitmq/policies.json`"
            " has them; default: those of the code."
        ),
    ] = ""

    def policies(self) -> tuple[Policy, ...]:
        """The policies to keep. Raises ConfigError for what are none."""
        if not self.broker_policies:
            return create_policies()
        try:
            return read_file(self.broker_policies)
        except (ValueError, KeyError, TypeError) as error:
            message = f"The setting BROKER_POLICIES holds no policies: {error!r}."
            raise ConfigError(message) from error


@dataclass(frozen=True, kw_only=True)
class ApiConfig(ProcessConfig, LimitSettings, RateLimitSettings, TokenSettings):
    """What the HTTP API needs on top.

    `database_pool_size` counts connections of one process: threads that wait for a result hold
    none, so it is far below the number of threads.
    """

    session_api_url: Annotated[
        str, Meta(description="Where the session API listens, for the snapshot of the code.")
    ]
    callback_allowed_hosts: CallbackAllowedHosts = ""
    loop_guard: LoopGuardSetting = LoopGuard.WARN
    max_queue_depth: Annotated[
        int, Meta(ge=1, description="Queued executions, at most; past it `run` answers 503.")
    ] = 10_000
    database_pool_size: Annotated[
        int, Meta(ge=1, le=100, description="Database connections of one process.")
    ] = 20
