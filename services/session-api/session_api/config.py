"""The session API's settings."""

from dataclasses import dataclass, field
from typing import Annotated

from msgspec import Meta

from runlet.limits import LimitSettings
from runlet.settings import DatabaseUrl, LanguageList, LogLevel
from runlet_http.auth import TokenSettings
from runlet_telemetry.tracing_settings import TracingSettings


@dataclass(frozen=True, kw_only=True)
class Config(LimitSettings, TokenSettings, TracingSettings):
    """Each field is the environment variable of the same name, in capitals."""

    database_url: DatabaseUrl = field(repr=False)
    languages: LanguageList = ""
    log_level: LogLevel = "INFO"
    session_retention_days: Annotated[
        int,
        Meta(
            ge=0,
            le=36_500,
            description="Days for which a session is kept after the last save or the closing; "
            "0 keeps all.",
        ),
    ] = 365
