"""One run through all services, on the real engine: one connected trace, nothing secret in it."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from flask import Flask

from execution_api.bootstrap import Api, create_api
from execution_api.config import ApiConfig
from runlet_telemetry.trace_context import trace_id
from session_api import bootstrap as session_bootstrap
from session_api.config import Config as SessionConfig
from support.databases.executions import ExecutionsDatabase
from support.http.callback_scenes import Scene
from support.http.receivers import CallbackReceiver
from support.http.servers import served
from support.sandboxes.runners import running_runner
from support.telemetry.otlp import Received, SpanCollector
from support.wait_until import eventually

TRACE, CALLER = "5e" * 16, "6f" * 8
TRACEPARENT = f"00-{TRACE}-{CALLER}-01"
SECRET = "s3cr3t"
TOKEN = f"{SECRET}-0123456789-caller"
TOKENS: dict[str, Any] = {
    "api_tokens": f"platform:{TOKEN}",
    "service_token": f"{SECRET}-0123456789-service",
}
SOURCE = f'#include <stdio.h>\nint main(void) {{ puts("{SECRET}"); return 3; }}\n'


@dataclass(frozen=True)
class Platform:
    """A platform's backend, which has a trace of its own."""

    session_api: str
    execution_api: str

    def call(self, method: str, url: str, **options: Any) -> requests.Response:
        """One call."""
        headers = {"Authorization": f"Bearer {TOKEN}", "traceparent": TRACEPARENT}
        answer = requests.request(method, url, headers=headers, timeout=120, **options)
        assert answer.ok, answer.text
        return answer

    def run(self, callback_url: str) -> str:
        """Begin a session and run a program in it; the id of the execution."""
        body = {"language": "c", "source_code": SOURCE}
        session = self.call("POST", f"{self.session_api}/code-sessions", json=body).json()
        path = f"{self.execution_api}/code-sessions/{session['session_id']}/run"
        asked = {"stdin": SECRET, "args": [SECRET], "callback_url": callback_url}
        accepted = self.call("POST", path, json=asked)
        assert trace_id(accepted.headers["traceparent"]) == TRACE
        execution_id: str = accepted.json()["execution_id"]
        return execution_id

    def get(self, path: str) -> dict[str, Any]:
        """What the execution API says."""
        document: dict[str, Any] = self.call("GET", self.execution_api + path).json()
        return document


@pytest.fixture
def scene(database: ExecutionsDatabase, amqp_url: str) -> Iterator[Scene]:
    """A receiver of callbacks, a database and a broker."""
    receiver = CallbackReceiver()
    yield Scene(database, amqp_url, receiver)
    receiver.close()


@pytest.fixture
def platform(scene: Scene, spans: SpanCollector, sessions_url: str) -> Iterator[Platform]:
    """All services, which export their spans."""
    exporting: dict[str, Any] = {
        "otel_exporter_otlp_endpoint": spans.url,
        "otel_bsp_schedule_delay": 50,
    }
    variables: dict[str, Any] = {name.upper(): str(value) for name, value in exporting.items()}
    with ExitStack() as stack:
        sessions = SessionConfig(database_url=sessions_url, **TOKENS, **exporting)
        session_url = stack.enter_context(served(session_bootstrap.create_api(sessions).app))
        stack.enter_context(scene.collector(**exporting))
        stack.enter_context(running_runner(scene.amqp_url, RUNNER_LANGUAGES="c", **variables))
        api = _execution_api(scene, session_url, exporting)
        stack.callback(api.close)
        yield Platform(session_url, stack.enter_context(served(api.app)))


def _execution_api(scene: Scene, session_url: str, exporting: dict[str, Any]) -> Api:
    config = ApiConfig(
        database_url=scene.database.url,
        amqp_url=scene.amqp_url,
        session_api_url=session_url,
        callback_allowed_hosts=scene.allowed,
        **TOKENS,
        **exporting,
    )
    api = create_api(config)
    api.start()
    eventually(lambda: _is_ready(api.app))
    return api


def _is_ready(app: Flask) -> bool:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return app.test_client().get("/ready", headers=headers).status_code == 200


def parent_of(span: Received, spans: list[Received]) -> Received:
    """The span that this one is a step of."""
    [parent] = [other for other in spans if other.span_id == span.parent_id]
    return parent


def way_to(name: str, spans: list[Received]) -> list[str]:
    """Services and names of a span and those it follows from, back to the caller."""
    span = next(span for span in spans if span.name == name)
    way = [f"{span.service}: {span.name}"]
    while span.parent_id != CALLER:
        span = parent_of(span, spans)
        way.append(f"{span.service}: {span.name}")
    return way


RUN_ROUTE = "POST /code-sessions/<session_id>/run"
SERVICES = {"session-api", "execution-api", "runner", "result-collector"}
THE_WAY = [
    "result-collector: POST",
    "result-collector: callback callbacks",
    "result-collector: publish callbacks",
    "result-collector: store results.collector",
    "runner: publish results",
    "runner: run runs.c",
    "execution-api: publish runs",
    f"execution-api: {RUN_ROUTE}",
]


def test_a_run_is_one_connected_trace_over_all_services(
    platform: Platform, scene: Scene, spans: SpanCollector, database: ExecutionsDatabase
) -> None:
    execution_id = platform.run(scene.url)
    result = platform.get(f"/executions/{execution_id}?wait=20")
    assert (result["status"], result["stdout"]) == ("FAILED", f"{SECRET}\n")
    # Each service exports when it likes.
    eventually(lambda: _is_whole(spans.of(TRACE)))
    trace = spans.of(TRACE)

    assert {span.service for span in trace} == SERVICES
    assert way_to("POST", trace) == THE_WAY
    session_read = "GET /code-sessions/<session_id>"
    assert way_to(session_read, trace) == [
        f"session-api: {session_read}",
        "execution-api: GET /code-sessions/{id}",
        f"execution-api: {RUN_ROUTE}",
    ]
    for step in ("acquire a container", "compile", "run the program"):
        assert way_to(step, trace)[1] == "runner: run runs.c"
    _assert_the_run_is_described(trace, execution_id)
    _assert_receiver_continues(scene, trace)
    _assert_the_trace_is_stored(platform, database, execution_id)
    assert not [body for body in spans.bodies if SECRET.encode() in body or b"hidden" in body]


def _is_whole(trace: list[Received]) -> bool:
    """Whether every step is there, and what it follows from."""
    names = [span.name for span in trace]
    known = {CALLER, *(span.span_id for span in trace)}
    return (
        {"POST", "publish executions.ended", RUN_ROUTE} <= set(names)
        and names.count("store results.collector") == 2
        and all(span.parent_id in known for span in trace)
    )


def _assert_the_run_is_described(trace: list[Received], execution_id: str) -> None:
    [run] = [span for span in trace if span.name == "run runs.c"]
    described = {
        name.removeprefix("runlet."): value
        for name, value in run.attributes.items()
        if name.startswith("runlet.")
    }
    assert described == {
        "execution_id": execution_id,
        "language": "c",
        "attempt": "1",
        "status": "FAILED",
        "reason": "nonzero_exit",
    }
    # What a program does wrong is no failure of the platform.
    assert not run.failed
    assert run.kind == "CONSUMER"


def _assert_receiver_continues(scene: Scene, trace: list[Received]) -> None:
    [call] = scene.receiver.calls
    [sent] = [span for span in trace if span.name == "POST"]
    assert call.headers["traceparent"] == f"00-{TRACE}-{sent.span_id}-01"


def _assert_the_trace_is_stored(
    platform: Platform, database: ExecutionsDatabase, execution_id: str
) -> None:
    events = platform.get(f"/executions/{execution_id}/events")["events"]
    assert events[0]["type"] == "queued"
    assert events[0]["detail"] == f"Trace {TRACE}."
    [row] = database.traces()
    assert trace_id(row) == TRACE
