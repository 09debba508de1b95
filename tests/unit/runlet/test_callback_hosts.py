"""Which receivers a list of hosts allows."""

from ipaddress import ip_address

import pytest

from runlet import callback_hosts
from runlet.callback_urls import CallbackUrlError
from runlet.config import ConfigError


def allows(setting: str, url: str) -> bool:
    """Whether the list has this URL."""
    try:
        callback_hosts.parse(setting).receiver(url)
    except CallbackUrlError:
        return False
    return True


@pytest.mark.parametrize(
    ("setting", "url", "allowed"),
    [
        ("h", "http://h/", True),
        ("h", "https://h/", True),
        ("h", "https://h:443/x?y", True),
        ("h", "https://h:80/", False),
        ("h", "http://h:8080/", False),
        ("h:8080", "http://h:8080/", True),
        ("h:8080", "https://h:8080/", True),
        ("h:8080", "http://h/", False),
        ("h, h:8080", "http://h/", True),
        ("H.Example", "http://h.example/", True),
        ("h.example", "http://H.EXAMPLE/", True),
        ("example.com", "http://a.example.com/", False),
        ("example.com", "http://notexample.com/", False),
        ("example.com", "http://example.com.evil.org/", False),
        ("*.example.com", "http://a.example.com/", True),
        ("*.example.com", "http://a.b.example.com/", True),
        ("*.example.com", "http://example.com/", False),
        ("*.example.com", "http://notexample.com/", False),
        ("*.example.com", "http://example.com.evil.org/", False),
        ("*.example.com:8443", "https://a.example.com:8443/", True),
        ("*.example.com:8443", "https://a.example.com/", False),
        ("127.0.0.1", "http://127.0.0.1/", True),
        ("127.0.0.1", "http://127.0.0.2/", False),
        ("127.0.0.1", "http://[::ffff:127.0.0.1]/", False),
        ("[::ffff:127.0.0.1]", "http://[::ffff:127.0.0.1]/", True),
        ("[::1]:8080", "http://[0:0::1]:8080/", True),
        ("[::1]:8080", "http://[::1]/", False),
        ("localhost!private", "http://127.0.0.1/", False),
        ("h", "http://h@other/", False),
        ("h", "http://other/h", False),
    ],
)
def test_hosts_and_ports_are_matched(setting: str, url: str, allowed: bool) -> None:
    assert allows(setting, url) is allowed


@pytest.mark.parametrize("setting", ["", " ", ",", " , "])
def test_an_empty_list_allows_nothing_and_says_so(setting: str) -> None:
    allowed = callback_hosts.parse(setting)
    assert not allowed
    with pytest.raises(CallbackUrlError, match="not enabled"):
        allowed.receiver("http://h/")


def test_a_receiver_that_is_not_listed_is_named_without_its_path() -> None:
    with pytest.raises(CallbackUrlError, match=r"other:81 is not among") as refused:
        callback_hosts.parse("h").receiver("http://other:81/path?token=1")
    assert "token" not in str(refused.value)


def test_a_marker_lets_a_name_lead_to_private_addresses() -> None:
    allowed = callback_hosts.parse("inside!private, *.lan:81!PRIVATE, outside")
    assert allowed.receiver("http://inside/").may_be_private
    assert allowed.receiver("http://a.lan:81/").may_be_private
    assert not allowed.receiver("http://outside/").may_be_private


def test_addresses_on_the_list_may_be_led_to_by_names_on_it() -> None:
    allowed = callback_hosts.parse("h, 10.0.0.5, 10.0.0.6:81")
    listed = allowed.receiver("http://h/").listed_addresses
    assert listed == {ip_address("10.0.0.5")}


@pytest.mark.parametrize(
    "entry",
    [
        "*",
        "*.",
        "*.*",
        "a.*.example",
        "http://h",
        "h/path",
        "h:",
        "h:0",
        "h:99999",
        "user@h",
        "::1",
        "127.1",
        "*.127.0.0.1",
        "!private",
        "h!public",
        "a b",
        "bücher.example",
    ],
)
def test_an_entry_that_cannot_be_used_is_named(entry: str) -> None:
    with pytest.raises(ConfigError) as refused:
        callback_hosts.parse(f"good.example, {entry}")
    assert f"The entry {entry} of the setting CALLBACK_ALLOWED_HOSTS" in str(refused.value)
