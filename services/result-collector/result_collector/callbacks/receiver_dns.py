"""From the name of a receiver to the addresses that may be connected to."""

import ipaddress
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future

from result_collector.callbacks import addresses
from result_collector.callbacks.delivery_result import UnreachableError
from runlet.callback_hosts import Receiver
from runlet.callback_urls import IPAddress

RESOLVE_SECONDS = 3.0

# Gives the addresses of a name. Raises OSError when it has none.
Resolve = Callable[[str, int], list[IPAddress]]


def resolve_by_system(host: str, port: int) -> list[IPAddress]:
    """The addresses that the system's resolver knows. Raises OSError when there is none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    # Without doubles, in the order in which they should be tried.
    return list(dict.fromkeys(ipaddress.ip_address(entry[4][0]) for entry in found))


class ReceiverResolver:
    """Looks receivers up. Connect to the addresses it gives, or the check is void."""

    def __init__(
        self, resolve: Resolve = resolve_by_system, timeout_seconds: float = RESOLVE_SECONDS
    ) -> None:
        self._resolve = resolve
        self._timeout_seconds = timeout_seconds

    def addresses_of(self, receiver: Receiver) -> list[IPAddress]:
        """The receiver's addresses, of which there is at least one.

        Raises UnreachableError when there is none, or one that must not be called.
        """
        url = receiver.url
        if url.address is not None:
            # The list has no other addresses than those it names.
            return [url.address]
        try:
            found = self._look_up(url.host, url.port)
        except TimeoutError as error:
            raise UnreachableError(
                f"The name {url.host} was not resolved within {self._timeout_seconds:g} s."
            ) from error
        except OSError as error:
            raise UnreachableError(f"The name {url.host} cannot be resolved.") from error
        for address in found:
            _check(address, receiver)
        if not found:
            raise UnreachableError(f"The name {url.host} has no address.")
        return found

    def _look_up(self, host: str, port: int) -> list[IPAddress]:
        """Resolve on a thread of its own: the system's resolver takes no time limit."""
        future: Future[list[IPAddress]] = Future()

        def look_up() -> None:
            try:
                future.set_result(self._resolve(host, port))
            except OSError as error:
                future.set_exception(error)

        threading.Thread(target=look_up, name="resolver", daemon=True).start()
        return future.result(self._timeout_seconds)


def _check(address: IPAddress, receiver: Receiver) -> None:
    if address in receiver.listed_addresses or addresses.is_public(address):
        return
    if receiver.may_be_private and addresses.is_internal(address):
        return
    raise UnreachableError(
        f"The name {receiver.url.host} leads to an address inside a network, which callbacks must "
        "not go to. The operator can allow that."
    )
