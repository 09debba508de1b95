"""What callers are told of requests that no application gets to see."""

import json
import socket

import pytest

from runlet_http.serving import server_errors


@pytest.mark.parametrize("status", [400, 403, 414, 417, 431, 500, 501])
def test_it_is_a_problem_document_that_quotes_nothing(status: int) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        server_errors.write(ours, status, "A reason", "Invalid header: 'Bearer secret'")
        ours.close()
        answer = b"".join(iter(lambda: theirs.recv(65_536), b""))

    head, _, body = answer.partition(b"\r\n\r\n")
    problem = json.loads(body)
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"Content-Type: application/problem+json" in head
    assert f"Content-Length: {len(body)}".encode() in head
    assert (problem["type"], problem["status"]) == ("about:blank", status)
    assert problem["detail"] == problem["error"]
    assert b"secret" not in answer
