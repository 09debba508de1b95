"""The session API's settings."""

from dataclasses import dataclass, field

from runlet.limits import LimitSettings
from runlet.settings import DatabaseUrl, LanguageList, LogLevel
from runlet_http.auth import TokenSettings
from runlet_telemetry.tracing import TracingSettings


@dataclass(frozen=True, kw_only=True)
class Config(LimitSettings, TokenSettings, TracingSettings):
    """Each field is the environment variable of the same name, in capitals."""

    database_url: DatabaseUrl = field(repr=False)
    languages: LanguageList = ""
    log_level: LogLevel = "INFO"
