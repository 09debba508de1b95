"""What goes wrong, as exceptions; and what is tried again."""

import httpx
import pytest

from runlet_client import (
    ApiError,
    AuthenticationError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    RateLimitedError,
    Retries,
    ServerError,
    StaleRevisionError,
    StillRunningError,
    TooLargeError,
    UnavailableError,
)
from runlet_client.calls import cancel, create_session, run
from runlet_client.exchange import Reply
from runlet_client.flows import Failure, Pause, send, wait
from runlet_client.retries import NO_RETRIES
from support.http.client_api import SESSION, Caller, FakeApi, accepted, execution, ok, problem

LOST = httpx.ReadError("gone")
REFUSED = httpx.ConnectError("refused")
AWAY = "The database is away. Try again."


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequestError),
        (401, AuthenticationError),
        (403, AuthenticationError),
        (404, NotFoundError),
        (405, ApiError),
        (409, ConflictError),
        (412, StaleRevisionError),
        (413, TooLargeError),
        (415, InvalidRequestError),
        (422, InvalidRequestError),
        (429, RateLimitedError),
        (500, ServerError),
        (302, ApiError),
    ],
)
def test_each_problem_has_its_exception_with_the_servers_sentence(
    caller: Caller, api: FakeApi, status: int, kind: type[ApiError]
) -> None:
    api.on("GET /languages", problem(status, "So it is."))

    with pytest.raises(kind, match="So it is") as caught:
        caller.call("languages")

    assert (caught.value.problem.status_code, len(api.requests)) == (status, 1)


def test_an_invalid_request_says_which_fields(caller: Caller, api: FakeApi) -> None:
    api.on("POST /code-sessions", problem(422, "language: No.", errors={"language": ["No."]}))

    with pytest.raises(InvalidRequestError) as caught:
        caller.call("create_session", "x")

    assert caught.value.errors == {"language": ["No."]}


def test_a_conflict_names_the_execution_in_the_way(caller: Caller, api: FakeApi) -> None:
    conflict = {"type": "t", "detail": "Busy.", "status": "RUNNING", "execution_id": "e0"}
    api.on("POST /code-sessions/s1/run", ok(conflict, 409))

    with pytest.raises(ConflictError) as caught:
        caller.call("run", "s1")

    assert (caught.value.execution_id, caught.value.status) == ("e0", "RUNNING")


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b'{"detail": 5}'])
def test_an_error_that_explains_nothing_still_makes_a_sentence(
    caller: Caller, api: FakeApi, content: bytes
) -> None:
    api.on("GET /languages", httpx.Response(404, content=content))

    with pytest.raises(NotFoundError, match="answered 404"):
        caller.call("languages")


def test_too_many_runs_are_told_with_the_time_to_wait(caller: Caller, api: FakeApi) -> None:
    api.on("POST /code-sessions/s1/run", problem(429, "Slow down.", retryAfter=17))

    with pytest.raises(RateLimitedError) as caught:
        caller.call("run", "s1")

    assert (caught.value.retry_after, len(api.requests)) == (17, 1)


def test_too_many_runs_are_waited_out_when_asked_to(api: FakeApi, caller: Caller) -> None:
    patient = Caller(api, caller.make, Retries(first_pause=0, wait_when_rate_limited=True))
    api.on("POST /code-sessions/s1/run", problem(429, "Slow down.", retryAfter=0), accepted())

    assert patient.call("run", "s1").execution_id == "e1"


@pytest.mark.parametrize("failure", [problem(503, AWAY), LOST, REFUSED, httpx.ReadTimeout("t")])
def test_a_call_that_may_be_repeated_is(
    caller: Caller, api: FakeApi, failure: httpx.Response | Exception
) -> None:
    api.on("GET /languages", failure, failure, ok({"languages": []}))

    assert caller.call("languages") == ()


def test_a_repeated_run_keeps_its_key(caller: Caller, api: FakeApi) -> None:
    api.on("POST /code-sessions/s1/run", LOST, problem(503, AWAY), accepted())

    caller.call("run", "s1")

    assert len({request.headers["Idempotency-Key"] for request in api.requests}) == 1
    assert len({request.content for request in api.requests}) == 1


@pytest.mark.parametrize("failure", [problem(503, AWAY), LOST])
def test_a_session_is_not_made_twice(
    caller: Caller, api: FakeApi, failure: httpx.Response | Exception
) -> None:
    api.on("POST /code-sessions", failure, ok(SESSION, 201))

    with pytest.raises(UnavailableError):
        caller.call("create_session", "python")

    assert len(api.requests) == 1


def test_what_never_left_may_always_be_sent_again(caller: Caller, api: FakeApi) -> None:
    api.on("POST /code-sessions", REFUSED, ok(SESSION, 201))

    assert caller.call("create_session", "python").session_id == "s1"


def test_saving_at_a_revision_is_not_repeated(caller: Caller, api: FakeApi) -> None:
    api.on("PATCH /code-sessions/s1", LOST)

    with pytest.raises(UnavailableError):
        caller.call("save_session", "s1", source_code="x", revision=1)

    assert len(api.requests) == 1


def test_a_cancellation_whose_answer_was_lost_is_no_conflict(caller: Caller, api: FakeApi) -> None:
    over = {"detail": "It is over.", "status": "CANCELLED", "execution_id": "e1"}
    api.on("POST /executions/e1/cancel", LOST, ok(over, 409))

    assert caller.call("cancel", "e1").status == "CANCELLED"


def test_cancelling_what_somebody_cancelled_before_is_a_conflict(
    caller: Caller, api: FakeApi
) -> None:
    over = {"detail": "It is over.", "status": "CANCELLED", "execution_id": "e1"}
    api.on("POST /executions/e1/cancel", REFUSED, ok(over, 409))

    with pytest.raises(ConflictError):
        caller.call("cancel", "e1")


def test_a_deletion_whose_answer_was_lost_is_done(caller: Caller, api: FakeApi) -> None:
    api.on("DELETE /dead-letters/d1", LOST, problem(404, "There is none."))

    assert caller.call("delete_dead_letter", "d1") is None


def test_the_patience_has_an_end(caller: Caller, api: FakeApi) -> None:
    api.on("GET /languages", *[REFUSED] * 9)

    with pytest.raises(UnavailableError, match="Nothing answers at"):
        caller.call("languages")

    assert len(api.requests) == caller.retries.attempts


def test_without_retries_everything_is_sent_once(caller: Caller, api: FakeApi) -> None:
    api.on("GET /languages", problem(503, AWAY), ok({"languages": []}))

    with pytest.raises(UnavailableError, match="database"):
        Caller(api, caller.make, NO_RETRIES).call("languages")


def test_pauses_double_and_are_jittered() -> None:
    retries = Retries(attempts=9, first_pause=1, longest_pause=5, chance=lambda: 0.5)
    away = UnavailableError("away")

    pauses = [retries.pause(failures, away) for failures in range(1, 10)]

    assert pauses == [0.75, 1.5, 3.0, 3.75, 3.75, 3.75, 3.75, 3.75, None]


def test_retry_after_is_honoured_within_bounds() -> None:
    retries = Retries(longest_pause=10)

    assert retries.pause(1, UnavailableError("away", 7)) == 7
    assert retries.pause(1, UnavailableError("away", 60)) is None


@pytest.mark.parametrize("value", ["soon", "-1", "inf", "nan", "Fri, 31 Jan 2025 12:00:00 GMT"])
def test_an_odd_retry_after_means_the_usual_pause(value: str) -> None:
    flow = send(run("s1"), Retries(first_pause=1, chance=lambda: 1))
    next(flow)

    assert flow.send(Reply(503, {"retry-after": value}, b"")) == Pause(1)


def test_a_pause_as_long_as_the_server_asks_comes_between_two_tries() -> None:
    flow = send(run("s1"), Retries(first_pause=0.1))
    first = next(flow)

    assert flow.send(Reply(503, {"retry-after": "3"}, b"{}")) == Pause(3)
    assert flow.send(None) == first


def test_waiting_gives_up_in_time(caller: Caller, api: FakeApi) -> None:
    api.on("GET /executions/e1", ok(execution("RUNNING")))

    with pytest.raises(StillRunningError, match="still RUNNING") as caught:
        caller.call("wait", "e1", timeout=0)

    assert caught.value.execution.execution_id == "e1"
    assert "wait" not in api.requests[0].url.params


def test_a_server_that_answers_too_soon_is_not_asked_in_a_busy_loop() -> None:
    flow = wait("e1", None, NO_RETRIES, now=lambda: 0.0)
    next(flow)

    assert isinstance(flow.send(Reply(200, {}, ok(execution("QUEUED")).content)), Pause)


def test_a_doubtful_failure_of_what_cannot_be_repeated_is_raised_at_once() -> None:
    flow = send(create_session("python"), Retries())
    next(flow)

    with pytest.raises(UnavailableError):
        flow.send(Failure(UnavailableError("gone")))


def test_a_call_knows_what_it_sends() -> None:
    assert cancel("a/b").request.path == "/executions/a%2Fb/cancel"
