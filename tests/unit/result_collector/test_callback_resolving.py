"""Every address of a receiver is checked before any is connected to."""

import threading
from ipaddress import ip_address

import pytest

from result_collector.callbacks.delivery_result import UnreachableError
from result_collector.callbacks.receiver_dns import ReceiverResolver
from runlet import callback_hosts
from runlet.callback_urls import IPAddress


def look_up(hosts: str, url: str, *found: str) -> list[str]:
    """The addresses to connect to, where the resolver finds these."""
    resolver = ReceiverResolver(lambda _host, _port: [ip_address(address) for address in found])
    receiver = callback_hosts.parse(hosts).receiver(url)
    return [str(address) for address in resolver.addresses_of(receiver)]


def test_public_addresses_are_given_in_their_order() -> None:
    assert look_up("h", "http://h/", "2606::1", "1.1.1.1") == ["2606::1", "1.1.1.1"]


@pytest.mark.parametrize(
    "inner", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1", "fe80::1%2"]
)
def test_one_inner_address_among_public_ones_is_enough_to_refuse(inner: str) -> None:
    with pytest.raises(UnreachableError, match=r"h leads to an address inside") as refused:
        look_up("h", "http://h/", "1.1.1.1", inner)
    assert inner not in str(refused.value)


def test_a_marked_name_may_lead_inside() -> None:
    assert look_up("h!private", "http://h/", "10.0.0.1", "::1") == ["10.0.0.1", "::1"]


@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1", "0.0.0.0", "224.0.0.1"])
def test_not_even_a_marked_name_may_lead_to_the_link_or_to_everybody(address: str) -> None:
    with pytest.raises(UnreachableError, match="inside"):
        look_up("h!private", "http://h/", address)


def test_a_name_may_lead_to_an_address_on_the_list() -> None:
    assert look_up("h, 10.0.0.5", "http://h/", "10.0.0.5") == ["10.0.0.5"]
    with pytest.raises(UnreachableError):
        look_up("h, 10.0.0.5", "http://h/", "10.0.0.6")
    with pytest.raises(UnreachableError):
        look_up("h, 10.0.0.5:81", "http://h/", "10.0.0.5")


def test_an_address_on_the_list_needs_no_resolver() -> None:
    assert look_up("127.0.0.1:81", "http://127.0.0.1:81/") == ["127.0.0.1"]


def test_a_name_without_an_address_is_told() -> None:
    with pytest.raises(UnreachableError, match="h has no address"):
        look_up("h", "http://h/")


def test_a_name_that_nobody_knows_is_told() -> None:
    def fail(_host: str, _port: int) -> list[IPAddress]:
        raise OSError("Name or service not known")

    receiver = callback_hosts.parse("h").receiver("http://h/")
    with pytest.raises(UnreachableError, match="h cannot be resolved"):
        ReceiverResolver(fail).addresses_of(receiver)


def test_a_resolver_that_does_not_answer_is_given_up() -> None:
    answer = threading.Event()

    def hang(_host: str, _port: int) -> list[IPAddress]:
        answer.wait()
        return []

    receiver = callback_hosts.parse("h").receiver("http://h/")
    with pytest.raises(UnreachableError, match=r"h was not resolved within 0\.01 s"):
        ReceiverResolver(hang, timeout_seconds=0.01).addresses_of(receiver)
    answer.set()
