"""Callbacks from the end of an execution to the receiver, through PostgreSQL and RabbitMQ."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from execution_api.executions.repository import ExecutionRepository
from execution_api.executions.schemas import ExecutionSchema
from result_collector.callbacks.workers import WORKER_LOOP, WORKERS
from runlet import topology
from runlet.execution import CompileResult, Reason
from runlet.messages import CallbackRequested, RunRequested
from runlet_amqp import envelopes
from runlet_telemetry.supervision import Supervisor
from support.broker import vhosts
from support.databases.event_factory import finished
from support.databases.executions import ExecutionsDatabase
from support.http.callback_scenes import SECRET, Resolver, Scene
from support.http.receivers import Call, CallbackReceiver
from support.wait_until import eventually

MakeScene = Callable[..., Scene]

COMPILED = CompileResult(exit_code=0, stdout="", stderr="a warning", time_ms=3)


@pytest.fixture
def make_scene(database: ExecutionsDatabase, amqp_url: str) -> Iterator[MakeScene]:
    """Call it with the statuses that the receiver answers with."""
    receivers: list[CallbackReceiver] = []

    def make(*statuses: int) -> Scene:
        receivers.append(CallbackReceiver(*statuses))
        return Scene(database, amqp_url, receivers[-1])

    yield make
    for receiver in receivers:
        receiver.close()


@pytest.fixture
def scene(make_scene: MakeScene) -> Scene:
    """A scene with a receiver that is content."""
    return make_scene()


def shown_by_the_api(scene: Scene, request: RunRequested) -> dict[str, Any]:
    """The answer to GET /executions/{id}."""
    row = ExecutionRepository(scene.database.engine).find(request.execution_id)
    shown: dict[str, Any] = json.loads(json.dumps(ExecutionSchema().dump(row)))
    return shown


def is_genuine(call: Call) -> bool:
    """Whether the signature is right."""
    signed = call.headers["X-Runlet-Timestamp"].encode() + b"." + call.body
    digest = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    return call.headers["X-Runlet-Signature"] == f"sha256={digest}"


def callback_events(scene: Scene, request: RunRequested) -> list[tuple[str, int]]:
    """What the lifecycle says of the callback."""
    events = scene.database.events(request.execution_id)
    return [event for event in events if event[0].startswith("callback")]


@pytest.mark.parametrize(
    "result",
    [{}, {"reason": Reason.TIME_LIMIT, "exit_code": None, "signal": 9}, {"compile": COMPILED}],
    ids=["completed", "timeout", "compiled"],
)
def test_the_execution_is_posted_once_as_the_api_shows_it(
    scene: Scene, result: dict[str, Any]
) -> None:
    request = scene.add()
    with scene.collector():
        scene.end(request, stdout="42\n\N{SNOWMAN}", **result)
        scene.wait_for("DELIVERED", request)
    [call] = scene.receiver.calls
    shown = shown_by_the_api(scene, request)
    assert json.loads(call.body) == shown
    assert list(json.loads(call.body)) == list(shown)
    assert (call.method, call.path) == ("POST", "/path?token=hidden")
    assert call.headers["Content-Type"] == "application/json"
    assert call.headers["X-Runlet-Execution"] == str(request.execution_id)
    assert call.headers["X-Runlet-Attempt"] == "1"
    assert is_genuine(call)
    assert scene.database.callback_attempts(request.execution_id) == [(1, 204, None)]
    assert callback_events(scene, request) == [("callback_delivered", 1)]


def test_an_execution_without_a_callback_asks_for_none(scene: Scene) -> None:
    quiet, told = scene.database.add(), scene.add()
    with scene.collector():
        scene.end(quiet, told)
        scene.wait_for("DELIVERED", told)
    assert scene.database.callback(quiet.execution_id) is None
    assert len(scene.receiver.calls) == 1


def test_a_failed_attempt_is_made_again(make_scene: MakeScene) -> None:
    scene = make_scene(500)
    request = scene.add()
    with scene.collector():
        scene.end(request)
        scene.wait_for("DELIVERED", request)
    assert [call.headers["X-Runlet-Attempt"] for call in scene.receiver.calls] == ["1", "2"]
    assert all(is_genuine(call) for call in scene.receiver.calls)
    attempts = scene.database.callback_attempts(request.execution_id)
    assert attempts == [(1, 500, "The receiver answered 500."), (2, 204, None)]
    assert callback_events(scene, request) == [("callback_failed", 1), ("callback_delivered", 2)]


def test_what_fails_to_the_last_is_given_up_and_kept(make_scene: MakeScene) -> None:
    scene = make_scene(302, 302, 302, 302)
    scene.receiver.location = f"http://127.0.0.1:{scene.receiver.port}/elsewhere"
    request = scene.add()
    with scene.collector():
        scene.end(request)
        scene.wait_for("FAILED", request)
        [(properties, body)] = vhosts.take(scene.amqp_url, topology.CALLBACKS_DEAD_QUEUE, 1)
    assert len(scene.receiver.calls) == 3
    assert {call.path for call in scene.receiver.calls} == {"/path?token=hidden"}
    problem = "The receiver answered 302, and redirects are not followed."
    assert scene.database.event_details(request.execution_id)["callback_failed"] == problem
    assert properties.headers[topology.REASON_HEADER] == problem
    assert json.loads(body) == {"execution_id": str(request.execution_id), "attempt": 3}


def test_a_receiver_that_wants_no_more_is_left_alone(make_scene: MakeScene) -> None:
    scene = make_scene(410)
    request = scene.add()
    with scene.collector():
        scene.end(request)
        scene.wait_for("FAILED", request)
        vhosts.take(scene.amqp_url, topology.CALLBACKS_DEAD_QUEUE, 1)
    assert len(scene.receiver.calls) == 1


def test_every_attempt_resolves_once_and_is_refused_an_inner_address(
    make_scene: MakeScene,
) -> None:
    scene = make_scene(500)
    resolver = Resolver(["127.0.0.1", "169.254.169.254"])
    request = scene.add()
    with scene.collector(resolve=resolver):
        scene.end(request)
        scene.wait_for("FAILED", request)
    assert len(scene.receiver.calls) == 1
    assert len(resolver.asked) == 3
    problems = [problem for *_, problem in scene.database.callback_attempts(request.execution_id)]
    assert all("inside a network" in str(problem) for problem in problems[1:])


def test_a_private_address_needs_the_marker(scene: Scene) -> None:
    request = scene.add()
    with scene.collector(callback_allowed_hosts=scene.allowed.removesuffix("!private")):
        scene.end(request)
        scene.wait_for("FAILED", request)
    assert scene.receiver.calls == []


def test_a_host_that_left_the_list_is_not_called(scene: Scene) -> None:
    request = scene.add()
    with scene.collector(callback_allowed_hosts="another.example"):
        scene.end(request)
        scene.wait_for("FAILED", request)
    assert scene.receiver.calls == []


def test_the_same_request_twice_is_one_call(scene: Scene) -> None:
    request = scene.add()
    again = envelopes.callback(CallbackRequested(request.execution_id), None)
    with scene.collector():
        scene.end(request)
        scene.wait_for("DELIVERED", request)
        vhosts.publish(scene.amqp_url, again, again)
        other = scene.add()
        scene.end(other)
        scene.wait_for("DELIVERED", other)
    assert len(scene.receiver.calls) == 2


def test_two_collectors_share_the_work(scene: Scene) -> None:
    requests = [scene.add() for _ in range(20)]
    with scene.collector(), scene.collector():
        scene.end(*requests)
        scene.wait_for("DELIVERED", *requests)
    called = [call.headers["X-Runlet-Execution"] for call in scene.receiver.calls]
    assert sorted(called) == sorted(str(request.execution_id) for request in requests)


def test_callbacks_that_were_switched_off_are_given_up_with_the_reason(scene: Scene) -> None:
    request = scene.add()
    with scene.collector(callback_allowed_hosts="", callback_secret=""):
        scene.end(request)
        scene.wait_for("FAILED", request)
        [(properties, _)] = vhosts.take(scene.amqp_url, topology.CALLBACKS_DEAD_QUEUE, 1)
        eventually(lambda: vhosts.depth(scene.amqp_url, topology.CALLBACKS_QUEUE) == 0)
    assert scene.receiver.calls == []
    assert "switched off" in properties.headers[topology.REASON_HEADER]
    noted = scene.database.event_details(request.execution_id)["callback_failed"]
    assert noted == properties.headers[topology.REASON_HEADER]


def test_callbacks_that_are_on_again_before_the_last_attempt_are_sent(scene: Scene) -> None:
    request = scene.add()
    with scene.collector(callback_allowed_hosts="", callback_secret="", delays=(3600,)):
        scene.end(request)
        eventually(lambda: callback_events(scene, request))
    assert scene.status(request.execution_id) == "PENDING"
    scene.database.run("UPDATE callbacks SET due_at = now() - interval '1 hour'")
    with scene.collector(delays=(3600,)):
        scene.wait_for("DELIVERED", request)


def test_junk_in_the_queue_is_no_obstacle(scene: Scene) -> None:
    junk = envelopes.callback(CallbackRequested(scene.database.add().execution_id), None)
    request = scene.add()
    with scene.collector():
        not_ours = envelopes.Envelope(
            topology.CALLBACKS, topology.CALLBACK_DUE, "nonsense.v9", b"\xff", "x"
        )
        vhosts.publish(scene.amqp_url, not_ours, junk)
        scene.end(request)
        scene.wait_for("DELIVERED", request)
        eventually(lambda: vhosts.depth(scene.amqp_url, topology.CALLBACKS_QUEUE) == 0)
    assert len(scene.receiver.calls) == 1


def test_slow_receivers_do_not_delay_results(scene: Scene) -> None:
    scene.receiver.may_answer.clear()
    slow = [scene.add() for _ in range(12)]
    with scene.collector():
        scene.end(*slow)
        eventually(lambda: len(scene.receiver.calls) == 8)
        after = scene.add()
        scene.end(after)
        eventually(lambda: scene.database.execution(after.execution_id)["status"] == "COMPLETED")
        assert len(scene.receiver.calls) == 8
        scene.receiver.may_answer.set()
        scene.wait_for("DELIVERED", *slow, after)


@pytest.fixture
def asked_to_stop(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the loops that were asked to stop."""
    names: list[str] = []
    ask = Supervisor.ask_to_stop

    def note(supervisor: Supervisor, *loops: str) -> None:
        ask(supervisor, *loops)
        names.extend(loops)

    monkeypatch.setattr(Supervisor, "ask_to_stop", note)
    return names


def test_a_stop_finishes_what_is_being_sent_and_hands_back_the_rest(
    scene: Scene, asked_to_stop: list[str]
) -> None:
    scene.receiver.may_answer.clear()
    requests = [scene.add() for _ in range(12)]
    with scene.collector() as collector:
        scene.end(*requests)
        eventually(lambda: len(scene.receiver.calls) == 8)
        collector.stop.set()
        eventually(lambda: f"{WORKER_LOOP}-{WORKERS - 1}" in asked_to_stop)
        scene.receiver.may_answer.set()
    statuses = [scene.status(request.execution_id) for request in requests]
    assert sorted(str(status) for status in statuses) == ["DELIVERED"] * 8 + ["PENDING"] * 4
    assert len(scene.receiver.calls) == 8
    with scene.collector():
        scene.wait_for("DELIVERED", *requests)
    assert len(scene.receiver.calls) == 12


def test_neither_output_nor_query_is_logged(make_scene: MakeScene) -> None:
    scene = make_scene(500)
    request = scene.add()
    with capture_logs() as logs, scene.collector():
        scene.end(request, stdout="printed")
        scene.wait_for("DELIVERED", request)
    assert [entry["event"] for entry in logs if entry["event"].startswith("callback")] == [
        "callback_failed",
        "callback_delivered",
    ]
    assert not [entry for entry in logs if "hidden" in str(entry) or "printed" in str(entry)]


def test_an_end_after_requeueing_is_told_once_more(scene: Scene) -> None:
    request = scene.add()
    with scene.collector():
        scene.end(request, reason=Reason.INFRASTRUCTURE)
        scene.wait_for("DELIVERED", request)
        scene.database.run("UPDATE executions SET status = 'QUEUED', reason = NULL")
        vhosts.publish(scene.amqp_url, envelopes.event(finished(request, attempt=2), None))
        eventually(lambda: len(scene.receiver.calls) == 2)
        scene.wait_for("DELIVERED", request)
    told = [json.loads(call.body)["status"] for call in scene.receiver.calls]
    assert told == ["FAILED", "COMPLETED"]
    assert callback_events(scene, request) == [("callback_delivered", 1), ("callback_delivered", 2)]
