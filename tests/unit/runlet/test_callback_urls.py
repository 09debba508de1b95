"""How the URL of a callback is read; what could be read in two ways is refused."""

from ipaddress import IPv6Address

import pytest

from runlet import callback_urls
from runlet.callback_urls import MAX_URL_LENGTH, CallbackUrlError


@pytest.mark.parametrize(
    ("url", "host", "port", "target", "authority"),
    [
        ("https://hooks.example.com", "hooks.example.com", 443, "/", "hooks.example.com"),
        ("http://h/a/b?c=d&e", "h", 80, "/a/b?c=d&e", "h"),
        ("HTTPS://Hooks.Example.COM:8443/A", "hooks.example.com", 8443, "/A", None),
        ("http://h?x=/y", "h", 80, "/?x=/y", "h"),
        ("http://my_service:8080/", "my_service", 8080, "/", "my_service:8080"),
        ("https://h:443/", "h", 443, "/", "h"),
        ("http://h:443/", "h", 443, "/", "h:443"),
        ("http://192.0.2.1/x", "192.0.2.1", 80, "/x", "192.0.2.1"),
        ("http://[2001:db8::1]:81/", "2001:db8::1", 81, "/", "[2001:db8::1]:81"),
        ("http://1.2.3.4.example.com/", "1.2.3.4.example.com", 80, "/", "1.2.3.4.example.com"),
        ("http://xn--bcher-kva.example/", "xn--bcher-kva.example", 80, "/", None),
        ("http://h/http://other/@x:y", "h", 80, "/http://other/@x:y", "h"),
    ],
)
def test_a_plain_url_is_taken_apart(
    url: str, host: str, port: int, target: str, authority: str | None
) -> None:
    read = callback_urls.parse(url)
    assert (read.host, read.port, read.target) == (host, port, target)
    assert authority in (None, read.authority)


def test_an_address_is_recognised() -> None:
    assert callback_urls.parse("http://[::1]/").address == IPv6Address("::1")
    assert callback_urls.parse("http://one.example/").address is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "h",
        "//h/",
        "ftp://h/",
        "file:///etc/passwd",
        "gopher://h/",
        "http:/h/",
        "http:h",
        "http://",
        "http:///path",
        "http://?x",
        " http://h/",
        "http://h/ x",
        "http://h/\t",
        "http://h/\r\nHost: other",
        "http://h\n/",
        "http://h/\x00",
        "http://user@h/",
        "http://user:secret@h/",
        "http://h@other/",
        "http://h:80@other/",
        "http://@h/",
        "http://h/#fragment",
        "http://h#@other/",
        "http://h\\@other/",
        "http://h\\.other/",
        "http:\\\\h/",
        "http://h%2eexample/",
        "http://%68/",
        "http://h:/",
        "http://h:0/",
        "http://h:65536/",
        "http://h:-1/",
        "http://h:8 0/",
        "http://h:80:80/",
        "http://h:http/",
        "http://h./",
        "http://.h/",
        "http://a..b/",
        "http://-h/",
        "http://h-/",
        "http://*/",
        "http://*.example.com/",
        f"http://{'a' * 64}.example/",
        f"http://{'a.' * 127}example/",
        "http://bücher.example/",
        "http://ⓔxample.com/",
        "http://\N{FULLWIDTH DIGIT ONE}27.0.0.1/",
        "http://127\N{IDEOGRAPHIC FULL STOP}0.0.1/",
        f"http://h/{'x' * MAX_URL_LENGTH}",
    ],
)
def test_what_is_no_plain_url_is_refused(url: str) -> None:
    with pytest.raises(CallbackUrlError):
        callback_urls.parse(url)


@pytest.mark.parametrize(
    "host",
    [
        "0",
        "1",
        "2130706433",
        "127.1",
        "127.0.1",
        "127.0.0.1.",
        "127.0.0.01",
        "0127.0.0.1",
        "0177.0.0.1",
        "0x7f.1",
        "0x7f.0.0.1",
        "0x7f000001",
        "0X7F000001",
        "0x",
        "127.0.0.0x1",
        "256.0.0.1",
        "1.2.3.4.5",
        "example.1",
        "[127.0.0.1]",
        "[::1",
        "::1",
        "[]",
        "[::1%251]",
        "[::1%eth0]",
        "[fe80::1%1]",
        "[v1.fe]",
        "[::ffff:127.0.0.1.1]",
    ],
)
def test_odd_spellings_of_addresses_are_refused(host: str) -> None:
    with pytest.raises(CallbackUrlError):
        callback_urls.parse(f"http://{host}/")


def test_the_longest_url_is_read() -> None:
    url = "http://h/"
    callback_urls.parse(url + "x" * (MAX_URL_LENGTH - len(url)))
