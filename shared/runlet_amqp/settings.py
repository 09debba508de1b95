"""Where the broker listens and whom it is trusted by: settings that every service has."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import pika
from msgspec import Meta

from runlet.config import ConfigError, comma_separated

PLAIN, ENCRYPTED = "amqp", "amqps"
FORM = "amqp://user:password@host:5672/vhost"


@dataclass(frozen=True, kw_only=True)
class BrokerSettings:
    """Each field is an environment variable of the same name.

    `amqp_url` holds one address, or the addresses of a cluster's nodes with commas between them.
    Those that begin with amqps:// are encrypted, and the server has to show a certificate for its
    name from an authority in `amqp_ca_file`, or from one that the system trusts where that is not
    set. `amqp_cert_file` and `amqp_key_file` are shown to a broker that asks who its clients are.
    Raises ConfigError for addresses and files that cannot be used.
    """

    amqp_url: Annotated[
        str,
        Meta(
            description="`amqp://user:password@host:5672/vhost`, or `amqps://…` where it is "
            "encrypted; the nodes of a cluster with commas between them."
        ),
    ] = field(repr=False)
    amqp_ca_file: Annotated[
        str, Meta(description="Authority of the broker's certificate; default: the system's.")
    ] = ""
    amqp_cert_file: Annotated[
        str, Meta(description="Certificate shown to a broker that asks for one.")
    ] = ""
    amqp_key_file: Annotated[str, Meta(description="Key of that certificate.")] = ""

    def __post_init__(self) -> None:
        self._check_files()
        self.addresses()

    def addresses(self) -> list[pika.URLParameters]:
        """One set of connection parameters for each address, with the files as they are now."""
        urls = comma_separated(self.amqp_url)
        if not urls:
            raise ConfigError(f"The setting AMQP_URL is empty. Write it like {FORM}.")
        return [self._parameters(url) for url in urls]

    def _parameters(self, url: str) -> pika.URLParameters:
        scheme, host = _scheme_and_host(url)
        if scheme == PLAIN and self.amqp_ca_file:
            raise ConfigError(
                "AMQP_CA_FILE is set, but an address in AMQP_URL begins with amqp://, which is not "
                "encrypted. Begin it with amqps://, or take AMQP_CA_FILE away."
            )
        try:
            parameters = pika.URLParameters(url)
        except (ValueError, TypeError) as error:
            # The reason may quote the password.
            raise _unusable() from error
        if scheme == ENCRYPTED:
            parameters.ssl_options = pika.SSLOptions(self._context(), host)
        return parameters

    def _context(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self.amqp_ca_file or None)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if self.amqp_cert_file:
                context.load_cert_chain(self.amqp_cert_file, self.amqp_key_file or None)
        except (ssl.SSLError, OSError) as error:
            raise ConfigError(
                "A file that AMQP_CA_FILE, AMQP_CERT_FILE or AMQP_KEY_FILE names is no certificate "
                f"or key in PEM, or the key does not belong to the certificate: {error}."
            ) from error
        return context

    def _check_files(self) -> None:
        if self.amqp_key_file and not self.amqp_cert_file:
            raise ConfigError("AMQP_KEY_FILE is set without AMQP_CERT_FILE. Name both, or neither.")
        for name in ("amqp_ca_file", "amqp_cert_file", "amqp_key_file"):
            path = getattr(self, name)
            try:
                if path:
                    Path(path).read_bytes()
            except OSError as error:
                message = f"{name.upper()} names {path}, which cannot be read: {error.strerror}."
                raise ConfigError(message) from error


def _scheme_and_host(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
        scheme, host = parts.scheme, parts.hostname
    except ValueError as error:
        raise _unusable() from error
    if scheme not in (PLAIN, ENCRYPTED) or not host or (parts.username and parts.password is None):
        raise _unusable()
    return scheme, host


def _unusable() -> ConfigError:
    return ConfigError(
        f"An address in AMQP_URL is not usable. Write it like {FORM}, with amqps:// where it is "
        "encrypted, with special characters of the password as %2F and the like, and with commas "
        "between the addresses of a cluster."
    )


def settings_of(broker: BrokerSettings | str) -> BrokerSettings:
    """Settings as they are, or those of a URL that needs no files."""
    return broker if isinstance(broker, BrokerSettings) else BrokerSettings(amqp_url=broker)
