"""The languages on offer."""

import pytest
from flask.testing import FlaskClient

from runlet.languages import LANGUAGES, PYTHON
from session_api import bootstrap
from session_api.config import Config


def test_all_languages_are_listed(client: FlaskClient) -> None:
    answer = client.get("/languages").get_json()
    assert answer["total"] == len(LANGUAGES)
    assert [language["id"] for language in answer["languages"]] == list(LANGUAGES)


def test_a_language_is_described_with_its_template(client: FlaskClient) -> None:
    assert client.get("/api/v1/languages/python").get_json() == {
        "id": "python",
        "name": "Python",
        "runtime": PYTHON.runtime,
        "version": PYTHON.version,
        "file_name": "main.py",
        "default_time_limit_ms": 5000,
        "default_memory_mb": 256,
        "template_code": PYTHON.template,
    }


@pytest.mark.parametrize("language_id", ["cobol", "Python", "%00", "python%20"])
def test_an_unknown_language_is_not_found(client: FlaskClient, language_id: str) -> None:
    assert client.get(f"/languages/{language_id}").status_code == 404


def test_a_deployment_offers_what_it_was_told_to(database_url: str) -> None:
    config = Config(database_url=database_url, languages="javascript", default_time_limit_ms=700)
    client = bootstrap.create_api(config).app.test_client()
    (language,) = client.get("/languages").get_json()["languages"]
    assert (language["id"], language["default_time_limit_ms"]) == ("javascript", 700)
    assert client.get("/languages/python").status_code == 404
    refused = client.post("/code-sessions", json={"language": "python"})
    assert refused.status_code == 422
    assert refused.get_json()["errors"] == {
        "language": ["Is not on offer here. Choose one of: javascript."]
    }


def test_a_session_in_a_language_no_longer_offered_can_still_be_read(
    client: FlaskClient, database_url: str
) -> None:
    address = client.post("/code-sessions", json={"language": "python"}).headers["Location"]
    later = bootstrap.create_api(Config(database_url=database_url, languages="javascript")).app
    assert later.test_client().get(address).get_json()["language_name"] == "Python"
