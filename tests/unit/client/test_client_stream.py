"""Watching an execution, over one connection or several."""

import time

import httpx
import pytest

from runlet_client import (
    NotFoundError,
    RateLimitedError,
    Status,
    StreamEvent,
    UnavailableError,
    UnexpectedAnswerError,
)
from support.http.client_api import (
    AT_ONCE,
    Caller,
    FakeApi,
    event,
    events,
    execution,
    non_blocking,
    ok,
    problem,
)

STREAM = "GET /executions/e1/stream"
RUNNING = event("status", 1, {"status": "RUNNING"})
FIRST = event("stdout", 2, {"text": "a\n"})
SECOND = event("stderr", 3, {"text": "b\n"})
END = event("status", 4, execution(stdout="a\n", stderr="b\n", exit_code=0))
BROKEN = httpx.ReadError("gone")


def story(found: list[StreamEvent]) -> list[str]:
    return [happened.text or str(happened.status) for happened in found]


def test_everything_is_told_until_the_end(caller: Caller, api: FakeApi) -> None:
    api.on(STREAM, events(RUNNING, FIRST + SECOND, END))

    found = caller.items("stream", "e1")

    assert [happened.kind for happened in found] == ["status", "stdout", "stderr", "status"]
    assert story(found) == ["RUNNING", "a\n", "b\n", "COMPLETED"]
    assert found[-1].is_last
    assert found[-1].execution.exit_code == 0
    assert api.requests[0].headers["Accept"] == "text/event-stream"
    assert "last-event-id" not in api.requests[0].headers


@pytest.mark.parametrize("breaking", [(BROKEN,), (), (httpx.RemoteProtocolError("short"),)])
def test_a_lost_connection_goes_on_where_it_was(
    caller: Caller, api: FakeApi, breaking: tuple[Exception, ...]
) -> None:
    api.on(STREAM, events(RUNNING, FIRST, SECOND[:10], *breaking), events(SECOND, END))

    found = caller.items("stream", "e1")

    assert story(found) == ["RUNNING", "a\n", "b\n", "COMPLETED"]
    assert api.requests[1].headers["Last-Event-ID"] == "2"


def test_a_stream_may_begin_after_an_event(caller: Caller, api: FakeApi) -> None:
    api.on(STREAM, events(END))

    caller.items("stream", "e1", last_event_id="3")

    assert api.requests[0].headers["Last-Event-ID"] == "3"


def test_a_server_that_is_away_for_a_moment_is_asked_again(caller: Caller, api: FakeApi) -> None:
    api.on(STREAM, httpx.ConnectError("no"), problem(503, "Later."), events(END))

    assert story(caller.items("stream", "e1")) == ["COMPLETED"]


def test_connections_that_bring_something_never_use_up_the_patience(
    caller: Caller, api: FakeApi
) -> None:
    api.on(STREAM, *[events(FIRST, BROKEN) for _ in range(9)], events(END))

    assert len(caller.items("stream", "e1")) == 10


def test_silence_is_no_failure(caller: Caller, api: FakeApi) -> None:
    api.on(STREAM, *[events(httpx.ReadTimeout("silent")) for _ in range(9)], events(END))

    assert story(caller.items("stream", "e1")) == ["COMPLETED"]


def test_connections_that_bring_nothing_do(caller: Caller, api: FakeApi) -> None:
    api.on(STREAM, *[events(b": hello\n\n") for _ in range(9)])

    with pytest.raises(UnavailableError, match="broke"):
        caller.items("stream", "e1")

    assert len(api.requests) == AT_ONCE.attempts


@pytest.mark.parametrize(
    ("status", "kind"), [(404, NotFoundError), (429, RateLimitedError), (503, UnavailableError)]
)
def test_a_refusal_is_raised(
    caller: Caller, api: FakeApi, status: int, kind: type[Exception]
) -> None:
    api.on(STREAM, *[problem(status, "So it is.") for _ in range(9)])

    with pytest.raises(kind, match="So it is"):
        caller.items("stream", "e1")


def test_kinds_of_events_that_came_later_are_passed_over(caller: Caller, api: FakeApi) -> None:
    api.on(STREAM, events(event("heartbeat", 9, {}), END))

    assert story(caller.items("stream", "e1")) == ["COMPLETED"]


def test_an_end_without_the_execution_is_an_end(caller: Caller, api: FakeApi) -> None:
    api.on(STREAM, events(event("status", 1, {"status": "CANCELLED"})))

    (last,) = caller.items("stream", "e1")

    assert (last.status, last.execution) == (Status.CANCELLED, None)


@pytest.mark.parametrize(
    "odd",
    [
        b"event: stdout\ndata: {\n\n",
        event("stdout", 1, {"text": 5}),
        event("stderr", 1, {}),
        event("status", 1, {"status": "ODD"}),
        event("status", 1, []),
    ],
)
def test_an_odd_event_is_told_as_such(caller: Caller, api: FakeApi, odd: bytes) -> None:
    api.on(STREAM, events(odd))

    with pytest.raises(UnexpectedAnswerError, match="does not understand"):
        caller.items("stream", "e1")


def test_nothing_after_the_end_is_read(caller: Caller, api: FakeApi) -> None:
    api.on(STREAM, events(END + FIRST, BROKEN))

    assert story(caller.items("stream", "e1")) == ["COMPLETED"]


def test_the_client_for_asyncio_never_blocks_its_loop(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    def blocks(_seconds: float) -> None:
        raise AssertionError("The loop stood still.")

    monkeypatch.setattr(time, "sleep", blocks)
    away = httpx.ConnectError("no")
    api.on("GET /languages", away, ok({"languages": []}))
    api.on(STREAM, away, events(END))
    caller = Caller(api, non_blocking)

    assert caller.call("languages") == ()
    assert story(caller.items("stream", "e1")) == ["COMPLETED"]
