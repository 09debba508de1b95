"""The receivers that callbacks may go to, as CALLBACK_ALLOWED_HOSTS lists them.

Entries are separated by commas: `host`, `host:port`, an address, or `*.example.com` for all names
below example.com. Without a port an entry means the default port of the URL's scheme. A name with
`!private` behind it may lead to private and loopback addresses, which are refused otherwise. An
address on the list may be called whatever it is; IPv6 addresses stand in brackets.
"""

from dataclasses import dataclass

from runlet import callback_urls
from runlet.callback_urls import DEFAULT_PORTS, CallbackUrl, CallbackUrlError, IPAddress
from runlet.config import ConfigError, comma_separated

SETTING = "CALLBACK_ALLOWED_HOSTS"
PRIVATE_MARKER = "!private"
_ANY_BELOW = "*."


@dataclass(frozen=True)
class _Entry:
    host: str
    address: IPAddress | None
    port: int | None
    subdomains: bool
    private: bool

    def matches(self, url: CallbackUrl) -> bool:
        return self._has_host(url) and self.has_port(url)

    def has_port(self, url: CallbackUrl) -> bool:
        return url.port == (self.port or DEFAULT_PORTS[url.scheme])

    def _has_host(self, url: CallbackUrl) -> bool:
        if url.address is not None or self.address is not None:
            return url.address == self.address
        if self.subdomains:
            return url.host.endswith(f".{self.host}")
        return url.host == self.host


@dataclass(frozen=True)
class Receiver:
    """A URL that is on the list.

    `may_be_private` says that its name may lead to internal addresses, `listed_addresses` are
    those it may lead to whatever they are.
    """

    url: CallbackUrl
    may_be_private: bool
    listed_addresses: frozenset[IPAddress]


@dataclass(frozen=True)
class AllowedHosts:
    """The list; an empty one means that there are no callbacks."""

    entries: tuple[_Entry, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.entries)

    def receiver(self, url: str) -> Receiver:
        """The receiver behind a URL. Raises CallbackUrlError when it may not be called."""
        if not self:
            raise CallbackUrlError(
                "Callbacks are not enabled here. Leave this out and poll instead."
            )
        read = callback_urls.parse(url)
        matching = [entry for entry in self.entries if entry.matches(read)]
        if not matching:
            raise CallbackUrlError(
                f"{read.authority} is not among the hosts and ports that callbacks may go to here. "
                "Send the URL of one that is, or ask the operator to add it."
            )
        listed = {entry.address for entry in self.entries if entry.has_port(read)}
        return Receiver(
            url=read,
            may_be_private=any(entry.private for entry in matching),
            listed_addresses=frozenset(address for address in listed if address is not None),
        )


def parse(setting: str) -> AllowedHosts:
    """Read the setting. Raises ConfigError, which names the entry that cannot be used."""
    return AllowedHosts(tuple(_entry(text) for text in comma_separated(setting)))


def _entry(text: str) -> _Entry:
    pattern = text.lower().removesuffix(PRIVATE_MARKER).rstrip()
    host = pattern.removeprefix(_ANY_BELOW)
    try:
        name, address, port = callback_urls.parse_authority(host)
    except CallbackUrlError as error:
        raise _unusable(text, str(error)) from error
    subdomains = host != pattern
    if subdomains and address is not None:
        raise _unusable(text, "There is nothing below an address.")
    private = text.lower().endswith(PRIVATE_MARKER)
    return _Entry(name, address, port, subdomains, private)


def _unusable(entry: str, problem: str) -> ConfigError:
    return ConfigError(
        f"The entry {entry} of the setting {SETTING} is not usable: {problem} Entries look like "
        "hooks.example.com, hooks.example.com:8443, *.example.com, 192.0.2.1, [2001:db8::1]:8080 "
        f"or receiver.internal{PRIVATE_MARKER}."
    )
