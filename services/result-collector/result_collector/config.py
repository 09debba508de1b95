"""Settings of the result collector."""

from dataclasses import dataclass, field

from runlet.config import ConfigError, comma_separated
from runlet.languages import offered


@dataclass(frozen=True, kw_only=True)
class Config:
    """Each field is an environment variable of the same name."""

    database_url: str = field(repr=False)
    amqp_url: str = field(repr=False)
    languages: str = ""
    log_level: str = "INFO"

    def offered_languages(self) -> list[str]:
        """The ids of the deployment's languages. Raises ConfigError for one nobody knows."""
        try:
            return list(offered(comma_separated(self.languages)))
        except ValueError as error:
            raise ConfigError(f"The setting LANGUAGES is not usable: {error}.") from error
