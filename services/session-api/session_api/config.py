"""The session API's settings."""

from dataclasses import dataclass, field
from typing import Annotated

from msgspec import Meta

from runlet.limits import LimitSettings
from runlet_http.auth import TokenSettings
from runlet_telemetry.tracing import TracingSettings

LogLevel = Annotated[str, Meta(pattern="^(?i:debug|info|warning|error|critical)$")]


@dataclass(frozen=True, kw_only=True)
class Config(LimitSettings, TokenSettings, TracingSettings):
    """Each field is the environment variable of the same name, in capitals.

    `languages` is a comma-separated list; empty means all.
    """

    database_url: str = field(repr=False)
    languages: str = ""
    log_level: LogLevel = "INFO"
    # Since the last save or the closing; 0 keeps sessions for ever.
    session_retention_days: Annotated[int, Meta(ge=0, le=36_500)] = 365
