"""Sending over real sockets: to the address that was checked, and within a time limit."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from pathlib import Path

import pytest

from result_collector.callbacks.delivery_result import UnreachableError
from result_collector.callbacks.post import MOST_ANSWER_BYTES, HttpPost
from runlet import callback_urls
from support.http.receivers import CallbackReceiver

LOOPBACK = [ip_address("127.0.0.1")]
PATIENT, IMPATIENT = 10.0, 0.3

Serve = Callable[[socket.socket], None]


def post(url: str, body: bytes = b"{}", seconds: float = PATIENT, cafile: str | None = None) -> int:
    """POST to a loopback port, whatever the URL's host is."""
    sender = HttpPost(ssl.create_default_context(cafile=cafile), whole_seconds=seconds)
    return sender.send(callback_urls.parse(url), LOOPBACK, {"X-Test": "1"}, body)


@contextmanager
def server(serve: Serve) -> Iterator[int]:
    """A port on which each connection is served by `serve`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connected, _ = listener.accept()
                    threading.Thread(target=_serve, args=(serve, connected), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]


def _serve(serve: Serve, connected: socket.socket) -> None:
    # The caller hangs up whenever it likes.
    with connected, suppress(OSError):
        serve(connected)


def dripping(head: bytes) -> Serve:
    """Sends `head`, and then a byte every now and then for ever."""

    def serve(connected: socket.socket) -> None:
        connected.recv(65_536)
        connected.sendall(head)
        pause = threading.Event()
        while not pause.wait(0.02):
            connected.sendall(b"x")

    return serve


def answering(answer: bytes) -> Serve:
    """Sends `answer` and hangs up."""

    def serve(connected: socket.socket) -> None:
        connected.recv(65_536)
        connected.sendall(answer)

    return serve


@pytest.fixture
def receiver() -> Iterator[CallbackReceiver]:
    """A receiver that is content with everything."""
    there = CallbackReceiver()
    yield there
    there.close()


def test_the_checked_address_is_called_under_the_receivers_name(receiver: CallbackReceiver) -> None:
    status = post(f"http://hooks.example.com:{receiver.port}/a?b=c", b'{"x": 1}')
    [call] = receiver.calls
    assert (status, call.method, call.path, call.body) == (204, "POST", "/a?b=c", b'{"x": 1}')
    assert call.headers["Host"] == f"hooks.example.com:{receiver.port}"
    assert call.headers["X-Test"] == "1"


def test_a_redirect_is_an_answer_and_is_not_followed(receiver: CallbackReceiver) -> None:
    elsewhere = CallbackReceiver(307)
    elsewhere.location = f"http://127.0.0.1:{receiver.port}/"
    assert post(f"http://h:{elsewhere.port}/") == 307
    elsewhere.close()
    assert receiver.calls == []


def test_proxies_of_the_environment_are_not_asked(
    receiver: CallbackReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1/")
    assert post(f"http://h:{receiver.port}/") == 204


def test_the_next_address_is_tried_when_one_takes_no_connection(receiver: CallbackReceiver) -> None:
    sender = HttpPost(ssl.create_default_context())
    url = callback_urls.parse(f"http://h:{receiver.port}/")
    assert sender.send(url, [ip_address("::1"), *LOOPBACK], {}, b"{}") == 204


def test_a_large_body_arrives_whole(receiver: CallbackReceiver) -> None:
    body = b"x" * 3_000_000
    post(f"http://h:{receiver.port}/", body)
    assert receiver.calls[0].body == body


def test_a_port_that_nobody_listens_on_is_told_without_the_path() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(UnreachableError, match=rf"^h:{port} cannot be connected to: .*refused"):
        post(f"http://h:{port}/path?token=1")


@pytest.mark.parametrize(
    "head",
    [b"", b"HTTP/1.1 2", b"HTTP/1.1 100 Continue\r\n"],
    ids=["nothing", "status", "continue"],
)
def test_a_receiver_that_drips_is_cut_off(head: bytes) -> None:
    with (
        server(dripping(head)) as port,
        pytest.raises(UnreachableError, match=r"did not answer within 0\.3 s"),
    ):
        post(f"http://h:{port}/", seconds=IMPATIENT)


def test_a_handshake_that_drips_is_cut_off() -> None:
    # The head of a record that announces 16 KiB.
    with (
        server(dripping(b"\x16\x03\x03\x40\x00")) as port,
        pytest.raises(UnreachableError, match="did not answer within"),
    ):
        post(f"https://h:{port}/", seconds=IMPATIENT)


def test_a_receiver_that_reads_nothing_is_cut_off() -> None:
    silence = threading.Event()
    with server(lambda _connected: (silence.wait(), None)[1]) as port:
        with pytest.raises(UnreachableError, match="did not answer within"):
            post(f"http://h:{port}/", b"x" * 50_000_000, seconds=IMPATIENT)
        silence.set()


def test_what_follows_a_good_status_does_not_matter() -> None:
    endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n"
    for head in (endless, b"HTTP/1.1 200 OK\r\nX: "):
        with server(dripping(head)) as port:
            assert post(f"http://h:{port}/", seconds=IMPATIENT) == 200
    too_long = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (2 * MOST_ANSWER_BYTES)
    with server(answering(too_long)) as port:
        assert post(f"http://h:{port}/") == 200
    with server(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx")) as port:
        assert post(f"http://h:{port}/") == 200


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x00\x01\x02",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 " + b"2" * 100_000,
    ],
    ids=["nothing", "binary", "ssh", "no-number", "many-headers", "long-line"],
)
def test_what_is_not_http_is_a_failure_that_quotes_nothing(answer: bytes) -> None:
    with (
        server(answering(answer)) as port,
        pytest.raises(UnreachableError, match=r"is not HTTP|broke") as failure,
    ):
        post(f"http://h:{port}/")
    assert "SSH" not in str(failure.value)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for `receiver.example` with its key, which signs itself."""
    folder = tmp_path_factory.mktemp("tls")
    both, key, certificate = (folder / name for name in ("both.pem", "key.pem", "cert.pem"))
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
        "-subj /CN=receiver.example -addext subjectAltName=DNS:receiver.example -keyout"
    )
    subprocess.run([*command.split(), key, "-out", certificate], check=True, capture_output=True)
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    return both


@pytest.fixture
def tls_receiver(certificate: Path) -> Iterator[tuple[CallbackReceiver, list[str]]]:
    """A receiver behind TLS, and the names that callers asked for."""
    asked: list[str] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    there = CallbackReceiver(tls=context)
    yield there, asked
    there.close()


def test_tls_asks_for_and_checks_the_name_not_the_address(
    tls_receiver: tuple[CallbackReceiver, list[str]], certificate: Path
) -> None:
    receiver, asked = tls_receiver
    assert post(f"https://receiver.example:{receiver.port}/", cafile=str(certificate)) == 204
    assert asked == ["receiver.example"]
    assert receiver.calls[0].headers["Host"] == f"receiver.example:{receiver.port}"


def test_a_certificate_for_another_name_is_refused(
    tls_receiver: tuple[CallbackReceiver, list[str]], certificate: Path
) -> None:
    receiver, _ = tls_receiver
    with pytest.raises(UnreachableError, match=r"certificate of other\.example is not accepted"):
        post(f"https://other.example:{receiver.port}/", cafile=str(certificate))
    assert receiver.calls == []


def test_a_certificate_that_nobody_vouches_for_is_refused(
    tls_receiver: tuple[CallbackReceiver, list[str]],
) -> None:
    receiver, _ = tls_receiver
    with pytest.raises(UnreachableError, match="certificate of receiver"):
        post(f"https://receiver.example:{receiver.port}/")


def test_tls_to_a_port_without_it_is_a_failure(receiver: CallbackReceiver) -> None:
    with pytest.raises(UnreachableError, match=r"no secure connection|broke"):
        post(f"https://receiver.example:{receiver.port}/")


def test_the_time_limit_ends_with_the_exchange(receiver: CallbackReceiver) -> None:
    post(f"http://h:{receiver.port}/")
    for thread in threading.enumerate():
        if thread.name == "cut-off":
            thread.join(PATIENT / 2)
            assert not thread.is_alive()
