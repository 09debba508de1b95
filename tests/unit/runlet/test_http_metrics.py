import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client import REGISTRY

from runlet_http.app import Description, create_app
from runlet_http.problems import ProblemError
from support.telemetry.metrics import rise

COUNT = "runlet_http_request_seconds_count"


@pytest.fixture
def client() -> FlaskClient:
    app, _api = create_app(Description("Test API"))
    _add_things(app)
    return app.test_client()


def _add_things(app: Flask) -> None:
    @app.get("/things/<thing_id>")
    def thing(thing_id: str) -> str:
        if thing_id == "none":
            raise ProblemError(404, "There is no thing with this id.")
        if thing_id == "defect":
            raise RuntimeError("a defect")
        return thing_id


def routes() -> set[str]:
    return {
        sample.labels["route"]
        for family in REGISTRY.collect()
        if family.name == "runlet_http_request_seconds"
        for sample in family.samples
    }


def test_requests_are_counted_by_the_pattern_of_their_route(client: FlaskClient) -> None:
    seen = rise(COUNT, method="GET", route="/things/<thing_id>", status="200")

    client.get("/things/1")
    client.get("/api/v1/things/2")

    assert seen() == 2
    assert not any("things/1" in route or "things/2" in route for route in routes())


@pytest.mark.parametrize(("thing_id", "status"), [("none", "404"), ("defect", "500")])
def test_errors_are_counted_by_their_status(
    client: FlaskClient, thing_id: str, status: str
) -> None:
    seen = rise(COUNT, method="GET", route="/things/<thing_id>", status=status)

    client.get(f"/things/{thing_id}")

    assert seen() == 1


def test_a_call_that_waits_is_counted_apart_from_one_that_does_not(client: FlaskClient) -> None:
    at_once = rise(COUNT, method="GET", route="/things/<thing_id>", status="200")
    waiting = rise(COUNT, method="GET", route="/things/<thing_id>?wait", status="200")

    client.get("/things/1?wait=20")

    assert (at_once(), waiting()) == (0, 1)


def test_whatever_addresses_and_methods_are_tried_the_labels_stay_few(client: FlaskClient) -> None:
    unknown = rise(COUNT, method="GET", route="unknown", status="404")
    other = rise(COUNT, method="other", route="unknown", status="405")

    for number in range(5):
        client.get(f"/nothing-{number}?wait={number}")
        client.open("/things/1", method=f"ODD{number}")

    assert (unknown(), other()) == (5, 5)
