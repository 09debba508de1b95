"""Which IP addresses belong to the public internet, and which are internal.

Written out by the registries of special addresses: the properties of Python's ipaddress know
neither all of their ranges nor IPv4 addresses inside of IPv6 ones.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from runlet.callback_urls import IPAddress

_SPECIAL_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
# What is handed out of IPv6 lies in 2000::/3, but for these.
_GLOBAL_V6 = IPv6Network("2000::/3")
_SPECIAL_V6 = tuple(
    IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)

# Private networks, what providers share, and the machine itself. Link-local is not among them:
# cloud providers keep credentials there.
_INTERNAL_V4 = tuple(
    IPv4Network(network)
    for network in (
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
    )
)
_INTERNAL_V6 = (IPv6Network("::1/128"), IPv6Network("fc00::/7"))

_NAT64 = IPv6Network("64:ff9b::/96")


def is_public(address: IPAddress) -> bool:
    """Whether an address can be reached from everywhere, and so is in no private network."""
    plain = _plain(address)
    if isinstance(plain, IPv4Address):
        return not _is_in(plain, _SPECIAL_V4)
    return plain in _GLOBAL_V6 and not _is_in(plain, _SPECIAL_V6)


def is_internal(address: IPAddress) -> bool:
    """Whether an address belongs to a private network or to the machine itself."""
    plain = _plain(address)
    if isinstance(plain, IPv4Address):
        return _is_in(plain, _INTERNAL_V4)
    return _is_in(plain, _INTERNAL_V6)


def _plain(address: IPAddress) -> IPAddress:
    """The IPv4 address that an IPv6 one stands for, where it does."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _is_in(
    address: IPv4Address | IPv6Address, networks: Sequence[IPv4Network] | Sequence[IPv6Network]
) -> bool:
    return any(address in network for network in networks)
