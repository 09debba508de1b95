"""What the session API says about itself."""

from typing import Any

import pytest
from flask.testing import FlaskClient


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    """The OpenAPI document."""
    described: dict[str, Any] = client.get("/openapi.json").get_json()
    return described


def test_every_call_is_documented_under_a_name_of_its_own(document: dict[str, Any]) -> None:
    names = {
        operation["operationId"]
        for path in document["paths"].values()
        for method, operation in path.items()
        if method in {"get", "post", "patch"}
    }
    assert names == {
        "createCodeSession",
        "listCodeSessions",
        "getCodeSession",
        "saveCodeSession",
        "closeCodeSession",
        "listLanguages",
        "getLanguage",
    }


def test_problems_are_documented_in_their_own_media_type(document: dict[str, Any]) -> None:
    responses = document["paths"]["/code-sessions/{session_id}"]["patch"]["responses"]
    assert {"200", "400", "404", "409", "412", "413", "415", "422", "503"} <= set(responses)
    problem = responses["422"]["content"]["application/problem+json"]["schema"]
    assert problem == {"$ref": "#/components/schemas/Invalid"}


def test_the_condition_of_an_autosave_is_documented(document: dict[str, Any]) -> None:
    parameters = document["paths"]["/code-sessions/{session_id}"]["patch"]["parameters"]
    assert "If-Match" in {parameter["name"] for parameter in parameters}


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
def test_the_page_for_people_needs_nothing_from_elsewhere(client: FlaskClient, prefix: str) -> None:
    page = client.get(f"{prefix}/docs/")
    assert page.status_code == 200
    assert "https://" not in page.text


def test_requests_are_measured_by_route(client: FlaskClient) -> None:
    client.get("/languages/python")
    assert 'route="/languages/<language_id>"' in client.get("/metrics").text
