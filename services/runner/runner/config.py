"""The runner's settings."""

import os
from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from runlet.config import comma_separated
from runlet.languages import Language, offered
from runlet_amqp.settings import BrokerSettings
from runlet_telemetry.tracing import TracingSettings


@dataclass(frozen=True, kw_only=True)
class Config(BrokerSettings, TracingSettings):
    """Each field is an environment variable of the same name, in capitals."""

    default_memory_mb: Annotated[int, Meta(ge=32, le=2048)] = 256
    runner_concurrency: Annotated[int, Meta(ge=1, le=1000)] = os.cpu_count() or 1
    sandbox_runs_per_container: Annotated[int, Meta(ge=1, le=1000)] = 1
    sandbox_runtime: str = ""
    sandbox_fork_servers: Literal["on", "off"] = "on"
    sandbox_pool_floor: Annotated[int, Meta(ge=0, le=1000)] = 1
    sandbox_pool_ceiling: Annotated[int, Meta(ge=1, le=1000)] = 8
    languages: str = ""
    runner_languages: str = ""
    log_level: str = "INFO"

    def served(self) -> dict[str, Language]:
        """The languages this runner serves. Raises ValueError for an unknown name."""
        return offered(comma_separated(self.runner_languages or self.languages))
