"""Requests whose beginning, end or protocol two readers could see in two ways."""

import pytest

from support.sandboxes.engine_proxy import EngineProxy, create_call, sandbox_name

INFO = b"GET /v1.41/info HTTP/1.1\r\nHost: localhost\r\n\r\n"


def start_call() -> str:
    return f"POST /v1.41/containers/{sandbox_name()}/start HTTP/1.1\r\nHost: localhost\r\n"


def test_a_second_request_behind_an_allowed_one_is_judged_by_itself(proxy: EngineProxy) -> None:
    allowed = f"{start_call()}Content-Length: 0\r\n\r\n".encode()

    answer = proxy.send(allowed + INFO, answers=2)

    assert answer.status == 404
    assert answer.raw.count(b"HTTP/1.1") == 2
    assert b"The engine proxy refuses this call" in answer.raw
    assert b"ServerVersion" not in answer.raw


def test_a_second_request_behind_a_stream_that_was_not_opened_is_judged_by_itself(
    proxy: EngineProxy,
) -> None:
    attach = (
        f"POST /v1.41/containers/{sandbox_name()}/attach?stdin=1&stdout=1&stderr=1&stream=1"
        " HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
        "Content-Length: 0\r\n\r\n"
    )

    answer = proxy.send(attach.encode() + INFO, answers=2)

    assert answer.status == 404
    assert b"ServerVersion" not in answer.raw


@pytest.mark.parametrize(
    "framing",
    [
        "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n",
        "Transfer-Encoding: identity\r\nContent-Length: {length}\r\n",
        "Transfer-Encoding : chunked\r\nContent-Length: {length}\r\n",
        "Content-Length: {length}\r\nContent-Length: 7\r\n",
        "Content-Length: +{length}\r\n",
        "Content-Length: {length}, 7\r\n",
        "Content-Length: 0x{length}\r\n",
        "Expect: 100-continue\r\nContent-Length: {length}\r\n",
        "Content-Length: {length}\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n",
        "Content-Length: {length}\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n",
        "",
    ],
)
def test_a_body_has_one_plain_length(proxy: EngineProxy, framing: str) -> None:
    target, body = create_call()
    head = f"POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    chunked = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
    sent = chunked if framing == "Transfer-Encoding: chunked\r\n" else body

    answer = proxy.send(f"{head}{framing.format(length=len(body))}\r\n".encode() + sent)

    assert answer.refused


def test_a_body_in_another_type_is_refused(proxy: EngineProxy) -> None:
    target, body = create_call()

    assert proxy.call("POST", target, body, Content_Type="text/plain").refused


def test_a_body_that_does_not_arrive_is_not_waited_for(proxy: EngineProxy) -> None:
    target, body = create_call()
    head = f"POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"

    answer = proxy.send(f"{head}Content-Length: {len(body) + 1}\r\n\r\n".encode() + body)

    assert answer.status in (403, 408)


@pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/2.0", "HTTP/1.2", "HTTP/0.9"])
def test_only_http_1_1_is_spoken(proxy: EngineProxy, version: str) -> None:
    answer = proxy.send(f"GET /version {version}\r\nHost: localhost\r\n\r\n".encode())

    assert answer.status in (400, 403, 505)


def test_a_connection_does_not_become_http_2(proxy: EngineProxy) -> None:
    answer = proxy.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")

    assert answer.status in (0, 400, 403)


@pytest.mark.parametrize("protocol", ["h2c", "websocket", "tcp, h2c", "TCP"])
def test_a_stream_is_opened_in_one_protocol(proxy: EngineProxy, protocol: str) -> None:
    path = f"/v1.41/containers/{sandbox_name()}/attach?stdin=1&stdout=1&stderr=1&stream=1"

    answer = proxy.call("POST", path, Connection="Upgrade", Upgrade=protocol)

    assert answer.refused


def test_only_a_stream_changes_its_protocol(proxy: EngineProxy) -> None:
    head = f"{start_call()}Content-Length: 0\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"

    assert proxy.send(head.encode()).refused


@pytest.mark.parametrize(
    "method", ["HEAD", "PUT", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "GETS"]
)
def test_a_call_has_the_method_the_runner_uses(proxy: EngineProxy, method: str) -> None:
    answer = proxy.call(method, "/version" if method != "CONNECT" else "localhost:1")

    assert answer.status in (400, 403)


def test_endless_headers_are_refused(proxy: EngineProxy) -> None:
    answer = proxy.call("GET", "/version", X_Long="a" * 32_000)

    assert answer.status in (400, 431)
