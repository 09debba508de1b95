"""Reading what an application leaves of a body."""

import io
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from runlet_http.request_body_drain import MOST_BYTES, RequestBodyDrain


class Gone(io.RawIOBase):
    """A body whose sender is no longer there."""

    def read(self, _size: int = -1) -> bytes:
        raise ConnectionResetError


def refuse(_environ: WSGIEnvironment, _start_response: StartResponse) -> Iterable[bytes]:
    return [b"no"]


def fail(_environ: WSGIEnvironment, _start_response: StartResponse) -> Iterable[bytes]:
    raise RuntimeError


def start_response(*_: object) -> object:
    raise AssertionError("nobody calls this")


def serve(app: object, body: io.IOBase, *, terminated: bool = True) -> list[bytes]:
    environ = {"wsgi.input": body, "wsgi.input_terminated": terminated}
    return list(RequestBodyDrain(app)(environ, start_response))  # type: ignore[arg-type]


def test_what_was_not_read_is_read_to_its_end() -> None:
    body = io.BytesIO(b"x" * 1_000_000)

    assert serve(refuse, body) == [b"no"]
    assert body.read() == b""


def test_also_when_the_application_fails() -> None:
    body = io.BytesIO(b"x" * 1000)

    with pytest.raises(RuntimeError):
        serve(fail, body)
    assert body.read() == b""


def test_more_than_a_gateway_lets_through_is_not_waited_for() -> None:
    body = io.BytesIO(b"x" * (MOST_BYTES + 100_000))

    serve(refuse, body)

    assert len(body.read()) == 100_000


def test_a_body_whose_end_cannot_be_seen_is_left_alone() -> None:
    body = io.BytesIO(b"x")

    serve(refuse, body, terminated=False)

    assert body.read() == b"x"


def test_a_caller_that_is_gone_does_no_harm() -> None:
    assert serve(refuse, Gone()) == [b"no"]
