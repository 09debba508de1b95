"""Settings of the result collector."""

from dataclasses import dataclass, field
from typing import Annotated

from msgspec import Meta

from runlet import callback_hosts
from runlet.callback_hosts import AllowedHosts
from runlet.config import ConfigError, comma_separated
from runlet.languages import offered
from runlet.settings import CallbackAllowedHosts, DatabaseUrl, LanguageList, LogLevel
from runlet_amqp.settings import BrokerSettings
from runlet_loop_guard import LoopGuard, LoopGuardSetting
from runlet_telemetry.tracing_settings import TracingSettings

SHORTEST_SECRET = 16


@dataclass(frozen=True, kw_only=True)
class Config(BrokerSettings, TracingSettings):
    """Each field is an environment variable of the same name."""

    database_url: DatabaseUrl = field(repr=False)
    languages: LanguageList = ""
    log_level: LogLevel = "INFO"
    retention_days: Annotated[
        int,
        Meta(ge=1, le=36_500, description="How long finished executions and dead letters stay."),
    ] = 30
    # Much shorter than a run's way through a busy platform, and much would be run twice.
    reconcile_after_seconds: Annotated[
        int,
        Meta(
            ge=5,
            le=86_400,
            description="How far beyond its limits an execution may be before the reconciler "
            "looks into it.",
        ),
    ] = 60
    reconcile_every_seconds: Annotated[
        int, Meta(ge=1, le=3600, description="How often the reconciler looks.")
    ] = 15

    loop_guard: LoopGuardSetting = LoopGuard.WARN
    callback_allowed_hosts: CallbackAllowedHosts = ""
    callback_secret: Annotated[
        str,
        Meta(description="Key of the callbacks' signatures, at least 16 characters."),
    ] = field(default="", repr=False)

    def callback_receivers(self) -> AllowedHosts:
        """Where callbacks may go. Raises ConfigError for a list or a secret that is of no use."""
        allowed = callback_hosts.parse(self.callback_allowed_hosts)
        if allowed and len(self.callback_secret) < SHORTEST_SECRET:
            raise ConfigError(
                f"{callback_hosts.SETTING} is set, so CALLBACK_SECRET, or CALLBACK_SECRET_FILE, "
                f"has to be set too, to at least {SHORTEST_SECRET} characters: receivers tell "
                "callbacks that are genuine by it."
            )
        return allowed

    def offered_languages(self) -> list[str]:
        """The ids of the deployment's languages. Raises ConfigError for an unknown one."""
        try:
            return list(offered(comma_separated(self.languages)))
        except ValueError as error:
            raise ConfigError(f"The setting LANGUAGES is not usable: {error}.") from error
