import pytest
from flask import Flask, request, url_for
from flask.testing import FlaskClient

from runlet_http.app import Description, create_app
from runlet_http.problems import ProblemError, unavailable
from runlet_telemetry import build_info


@pytest.fixture
def app() -> Flask:
    app, _api = create_app(
        Description("Test API", ready_checks={"database": lambda: False, "broker": lambda: True})
    )

    @app.post("/echo")
    def echo() -> dict[str, object]:
        return {"body": request.get_json(), "here": url_for("echo")}

    @app.get("/away")
    def away() -> dict[str, object]:
        raise unavailable("The kitchen is closed.", retry_after_seconds=7)

    @app.get("/taken")
    def taken() -> dict[str, object]:
        raise ProblemError(409, "Somebody was first.", extra={"execution_id": "1"})

    @app.get("/defect")
    def defect() -> dict[str, object]:
        raise RuntimeError("secret detail")

    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def test_every_path_works_bare_and_under_the_prefix_and_links_keep_it(client: FlaskClient) -> None:
    bare = client.post("/echo", json={"a": 1}).get_json()
    prefixed = client.post("/api/v1/echo", json={"a": 1}).get_json()

    assert (bare["here"], prefixed["here"]) == ("/echo", "/api/v1/echo")


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b'{"a": NaN}', "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"1" * 5000, "application/json", 400),
        (b"{}", "text/plain", 415),
        (b"a=1", "application/x-www-form-urlencoded", 415),
        (b"x" * (7 << 20), "application/json", 413),
    ],
    ids=["torn", "not utf-8", "nan", "nesting", "huge number", "text", "form", "too large"],
)
def test_an_odd_body_is_a_problem_document_never_a_500(
    client: FlaskClient, body: bytes, content_type: str, status: int
) -> None:
    answer = client.post("/echo", data=body, content_type=content_type)

    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    document = answer.get_json()
    assert document["status"] == status
    assert document["error"] == document["detail"] != ""


def test_an_unknown_path_and_method_are_problems_too(client: FlaskClient) -> None:
    missing, wrong = client.get("/nowhere"), client.delete("/echo")

    assert (missing.status_code, wrong.status_code) == (404, 405)
    assert missing.content_type == wrong.content_type == "application/problem+json"
    assert "POST" in wrong.headers["Allow"]


def test_a_problem_carries_its_members_and_headers(client: FlaskClient) -> None:
    away, taken = client.get("/away"), client.get("/taken")

    assert (away.status_code, away.headers["Retry-After"]) == (503, "7")
    assert (taken.status_code, taken.get_json()["execution_id"]) == (409, "1")


def test_a_defect_does_not_tell_its_details(client: FlaskClient) -> None:
    answer = client.get("/defect")

    assert answer.status_code == 500
    assert b"secret" not in answer.data


def test_readiness_names_what_does_not_answer(client: FlaskClient) -> None:
    answer = client.get("/ready")

    assert answer.status_code == 503
    assert "database" in answer.get_json()["detail"]
    assert "broker" not in answer.get_json()["detail"]


@pytest.mark.parametrize(("broker", "database", "status"), [(0, 1, 200), (1, 0, 503), (0, 0, 503)])
def test_ready_for_requests_leaves_out_what_they_can_do_without(
    broker: int, database: int, status: int
) -> None:
    checks = {"database": lambda: bool(database), "message broker": lambda: bool(broker)}
    deferrable = frozenset({"message broker"})
    app, _api = create_app(Description("Test", ready_checks=checks, deferrable=deferrable))
    client = app.test_client()
    assert client.get("/ready").status_code == 503
    assert client.get("/ready?for=requests").status_code == status


def test_health_names_the_loops_that_stall_and_tells_the_version() -> None:
    stalled: list[str] = []
    app, _api = create_app(Description("Test API", stalled=lambda: stalled))
    client = app.test_client()
    assert client.get("/health").status_code == 200

    stalled.append("outbox")
    answer = client.get("/health")

    assert (answer.status_code, answer.get_json()["away"]) == (503, ["outbox"])
    assert answer.headers["Runlet-Version"] == build_info.VERSION


def test_health_documents_and_metrics_are_served(client: FlaskClient) -> None:
    assert client.get("/health").get_json() == {"status": "ok"}
    assert client.get("/openapi.json").get_json()["openapi"].startswith("3.")
    assert b"swagger" in client.get("/docs/").data
    assert b"runlet_http_request_seconds" in client.get("/metrics").data
