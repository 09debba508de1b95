"""URLs that callbacks may go to: one strict reading, so that no two parts read one differently."""

import ipaddress
import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

IPAddress = IPv4Address | IPv6Address

MAX_URL_LENGTH = 2048
DEFAULT_PORTS = {"http": 80, "https": 443}

# Patterns that the API's document is made of as well: a part of a name in lower case, and path and
# query, which are visible ASCII but for " # < > \ ^ ` { | }
LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
TARGET = r"(?:[/?][!$-;=?-\[\]_a-z~]*)?"

_PLAIN = re.compile(r"[!-~]+")
# Never part of a URL, though some readers take them for something else, such as \ for /.
_FORBIDDEN = re.compile(r'[\\"<>^`{|}]')
_PARTS = re.compile(rf"(?i:(https?))://([^/?]*)({TARGET})")
_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::([0-9]{1,5}))?")
_LABEL = re.compile(LABEL)
# Resolvers take such a host for an address, in whatever base and with however many parts.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LONGEST_NAME = 253


class CallbackUrlError(ValueError):
    """A URL that callbacks do not go to; the message is a sentence for whoever sent it."""


@dataclass(frozen=True)
class CallbackUrl:
    """A URL in its parts.

    `host` is in lower case and without brackets, `address` is what it means when it is an IP
    address; `target` is path and query as they were written.
    """

    scheme: str
    host: str
    address: IPAddress | None
    port: int
    target: str

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def parse(url: str) -> CallbackUrl:
    """Read a URL. Raises CallbackUrlError for one that callbacks cannot go to."""
    if len(url) > MAX_URL_LENGTH:
        raise CallbackUrlError(f"Must be at most {MAX_URL_LENGTH} characters long.")
    if not _PLAIN.fullmatch(url) or _FORBIDDEN.search(url):
        raise CallbackUrlError(
            "Must be a URL of visible ASCII characters. Percent-encode all others, and write "
            "names in other alphabets in their xn-- form."
        )
    if "#" in url:
        raise CallbackUrlError("Must not have a fragment. Leave out the # and what follows.")
    parts = _PARTS.fullmatch(url)
    if parts is None:
        raise CallbackUrlError("Must begin with http:// or https://.")
    scheme, authority, rest = parts[1].lower(), parts[2].lower(), parts[3]
    if "@" in authority:
        raise CallbackUrlError("Must not hold a user name or a password. Check the signature.")
    host, address, port = parse_authority(authority)
    target = rest if rest.startswith("/") else f"/{rest}"
    return CallbackUrl(scheme, host, address, port or DEFAULT_PORTS[scheme], target)


def parse_authority(authority: str) -> tuple[str, IPAddress | None, int | None]:
    """Host, address and port of a `host` or `host:port` in lower case.

    Raises CallbackUrlError when it is neither a plain name nor an address in its usual form.
    """
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        raise CallbackUrlError("Must name a host, or a host and a port from 1 to 65535.")
    host, port = parts[1], parts[2]
    if port is not None and not 1 <= int(port) <= 65_535:
        raise CallbackUrlError("Must have a port from 1 to 65535, or none.")
    address = _address(host)
    if address is None and not _is_name(host):
        raise CallbackUrlError("Must name a host without empty or overlong parts.")
    return host.strip("[]"), address, None if port is None else int(port)


def _address(host: str) -> IPAddress | None:
    """The address that a host is; None for a name. Raises CallbackUrlError for odd spellings."""
    try:
        if host.startswith("["):
            return IPv6Address(host.strip("[]"))
        if not _NUMBER.fullmatch(host.rpartition(".")[2]):
            return None
        return IPv4Address(host)
    except ipaddress.AddressValueError as error:
        raise CallbackUrlError(
            "Must have an address in its usual form, such as 192.0.2.1 or [2001:db8::1]."
        ) from error


def _is_name(host: str) -> bool:
    labels = host.split(".")
    return len(host) <= _LONGEST_NAME and all(_LABEL.fullmatch(label) for label in labels)
