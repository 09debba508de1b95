import pytest
import structlog
from flask import Flask
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from runlet_http.app import Description, create_app
from runlet_http.problems import ProblemError
from runlet_telemetry import tracing
from runlet_telemetry.trace_context import trace_id
from runlet_telemetry.tracing import Kind
from support.telemetry.tracers import RecordingTracer

TRACEPARENT = f"00-{'ab' * 16}-{'cd' * 8}-01"
MINE = {"traceparent": TRACEPARENT}


def create(tracer: tracing.Tracer = tracing.OFF) -> FlaskClient:
    app: Flask
    app, _api = create_app(Description("Test API"), tracer)

    @app.get("/things/<thing_id>")
    def read(thing_id: str) -> dict[str, str]:
        structlog.get_logger().info("thing_read")
        return {"traceparent": tracing.traceparent()}

    @app.get("/refused")
    def refuse() -> str:
        raise ProblemError(409, "Not now.")

    @app.get("/defect")
    def break_down() -> str:
        raise RuntimeError("print('a program')")

    return app.test_client()


@pytest.fixture
def tracer() -> RecordingTracer:
    return RecordingTracer()


@pytest.fixture
def client(tracer: RecordingTracer) -> FlaskClient:
    return create(tracer)


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
def test_a_request_is_a_step_of_its_caller_named_by_its_route(
    client: FlaskClient, tracer: RecordingTracer, prefix: str
) -> None:
    client.get(f"{prefix}/things/7?token=x", headers=MINE)
    [span] = tracer.spans
    assert (span.name, span.kind) == ("GET /things/<thing_id>", Kind.SERVER)
    assert (span.parent, span.ended, span.error) == (TRACEPARENT, True, None)
    assert span.attributes == {
        "http.request.method": "GET",
        "http.route": "/things/<thing_id>",
        "http.response.status_code": 200,
    }


def test_every_answer_names_its_trace() -> None:
    client = create()
    for path in ("/things/7", "/refused", "/defect", "/nowhere"):
        answer = client.get(path, headers=MINE)
        assert trace_id(answer.headers["traceparent"]) == "ab" * 16, path
    first, second = (client.get("/things/7").headers["traceparent"] for _ in range(2))
    assert trace_id(first) != trace_id(second)


def test_what_the_route_hands_on_is_what_the_answer_says() -> None:
    answer = create().get("/things/7", headers=MINE)
    assert answer.get_json()["traceparent"] == answer.headers["traceparent"]


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [("/refused", 409, None), ("/nowhere", 404, None), ("/defect", 500, "500")],
)
def test_only_our_own_faults_make_a_request_a_failure(
    client: FlaskClient, tracer: RecordingTracer, path: str, status: int, error: str | None
) -> None:
    client.get(path)
    [span] = tracer.spans
    assert (span.attributes["http.response.status_code"], span.error) == (status, error)


def test_a_path_that_is_no_route_is_in_no_name(
    client: FlaskClient, tracer: RecordingTracer
) -> None:
    client.open("/secret-path", method="ODD")
    [span] = tracer.spans
    assert span.name == "_OTHER"
    assert span.attributes["http.route"] is None


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics"])
def test_probes_and_scrapes_are_no_steps(
    client: FlaskClient, tracer: RecordingTracer, path: str
) -> None:
    assert "traceparent" not in client.get(path).headers
    assert not tracer.spans


def test_log_lines_of_a_request_name_its_trace_and_those_after_it_do_not() -> None:
    client = create()
    with capture_logs([tracing.add_trace_id]) as logs:
        client.get("/things/7", headers=MINE)
        structlog.get_logger().info("later")
    assert logs[0]["trace_id"] == "ab" * 16
    assert "trace_id" not in logs[1]
