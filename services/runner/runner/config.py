"""The runner's settings."""

import os
from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from runlet.config import comma_separated
from runlet.languages import Language, offered
from runlet.limits import DefaultMemoryMb
from runlet.settings import LanguageList, LogLevel
from runlet_amqp.settings import BrokerSettings
from runlet_telemetry.tracing_settings import TracingSettings


@dataclass(frozen=True, kw_only=True)
class Config(BrokerSettings, TracingSettings):
    """Each field is an environment variable of the same name, in capitals."""

    default_memory_mb: DefaultMemoryMb = 256
    runner_concurrency: Annotated[
        int, Meta(ge=1, le=1000, description="Runs at once in one runner. Default: its cores.")
    ] = os.cpu_count() or 1
    sandbox_runs_per_container: Annotated[
        int,
        Meta(
            ge=1,
            le=1000,
            description="1 destroys a container after its run. More lets it serve again after it "
            "was scrubbed.",
        ),
    ] = 1
    sandbox_runtime: Annotated[
        str,
        Meta(
            description="Container runtime that Docker is told to use, such as `runsc`. "
            "Default: the engine's."
        ),
    ] = ""
    sandbox_fork_servers: Annotated[
        Literal["on", "off"],
        Meta(
            description="`on` forks Python's runs from an initialised interpreter; `off` starts "
            "one for each run, with address layout and hash seed of its own."
        ),
    ] = "on"
    sandbox_pool_floor: Annotated[
        int, Meta(ge=0, le=1000, description="Idle containers of a language, at least.")
    ] = 1
    sandbox_pool_ceiling: Annotated[
        int, Meta(ge=1, le=1000, description="Idle containers of a language, at most.")
    ] = 8
    languages: LanguageList = ""
    runner_languages: Annotated[
        str,
        Meta(description="Comma-separated ids of the languages this runner serves, if not all."),
    ] = ""
    log_level: LogLevel = "INFO"

    def served(self) -> dict[str, Language]:
        """The languages this runner serves. Raises ValueError for an unknown name."""
        return offered(comma_separated(self.runner_languages or self.languages))
