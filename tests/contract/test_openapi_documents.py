"""The OpenAPI documents as somebody reads them who builds against the APIs."""

import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from flask.testing import FlaskClient

from execution_api import bootstrap as execution_bootstrap
from execution_api.config import ApiConfig
from session_api import bootstrap as session_bootstrap
from session_api.config import Config

# The documents need no server: nothing connects before it is asked.
NOWHERE = "127.0.0.1:1"
DATABASE = f"postgresql+psycopg2://nobody:none@{NOWHERE}/none"
METHODS = ("get", "post", "put", "patch", "delete")
PROBLEM = "application/problem+json"

# What the contract says of each call, besides 401, which all may answer.
STATUSES = {
    "createCodeSession": {201, 400, 413, 415, 422, 503},
    "listCodeSessions": {200, 422, 503},
    "getCodeSession": {200, 304, 404, 503},
    "saveCodeSession": {200, 400, 404, 409, 412, 413, 415, 422, 503},
    "closeCodeSession": {200, 404, 503},
    "listLanguages": {200},
    "getLanguage": {200, 404},
    "runCode": {202, 400, 404, 409, 413, 415, 422, 429, 503},
    "getExecution": {200, 404, 422, 503},
    "streamExecution": {200, 404, 422, 503},
    "getExecutionEvents": {200, 404, 503},
    "cancelExecution": {202, 404, 409, 503},
    "listExecutions": {200, 404, 422, 503},
    "listDeadLetters": {200, 422, 503},
    "requeueDeadLetter": {202, 404, 409, 503},
    "deleteDeadLetter": {204, 404, 503},
}

Document = dict[str, Any]


def session_client(**settings: Any) -> FlaskClient:
    """A caller of a session API that has no database."""
    return session_bootstrap.create_api(Config(database_url=DATABASE, **settings)).app.test_client()


def execution_client(**settings: Any) -> FlaskClient:
    """A caller of an execution API that reaches nothing."""
    config = ApiConfig(
        database_url=DATABASE,
        amqp_url=f"amqp://{NOWHERE}/",
        session_api_url=f"http://{NOWHERE}",
        **settings,
    )
    return execution_bootstrap.create_api(config).app.test_client()


def document_of(client: FlaskClient) -> Document:
    """The OpenAPI document."""
    document: Document = client.get("/openapi.json").get_json()
    return document


@pytest.fixture(params=["session API", "execution API"])
def client(request: pytest.FixtureRequest) -> FlaskClient:
    """A caller of each of the APIs."""
    return session_client() if request.param == "session API" else execution_client()


@pytest.fixture
def document(client: FlaskClient) -> Document:
    """Its document."""
    return document_of(client)


def operations(document: Document) -> Iterator[Document]:
    """All operations, with the parameters that their path has."""
    for path in document["paths"].values():
        shared = path.get("parameters", [])
        for method in path.keys() & set(METHODS):
            operation = path[method]
            yield {**operation, "parameters": [*shared, *operation.get("parameters", [])]}


def contents(operation: Document) -> Iterator[tuple[str, str, Document]]:
    """Where each body of an operation stands, its type and what is said of it."""
    bodies = {"request": operation.get("requestBody", {}), **operation["responses"]}
    for where, body in bodies.items():
        for media_type, content in body.get("content", {}).items():
            yield f"{operation['operationId']} {where}", media_type, content


def validator(document: Document, schema: Document) -> jsonschema_rs.Validator:
    """Validates what the schema describes, nulls included."""
    return jsonschema_rs.Draft4Validator(_with_nulls({**document, **schema}))


def _with_nulls(node: Any) -> Any:
    """`nullable` is OpenAPI 3.0's own: put in the words of JSON Schema."""
    if isinstance(node, list):
        return [_with_nulls(each) for each in node]
    if not isinstance(node, dict):
        return node
    plain = {key: _with_nulls(value) for key, value in node.items() if key != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if node.get("nullable") is True else plain


def test_every_call_has_a_name_and_words_for_people(document: Document) -> None:
    for operation in operations(document):
        assert operation["operationId"] in STATUSES
        assert operation["summary"]
        assert operation["tags"]


def test_every_status_of_the_contract_is_documented_and_no_other(document: Document) -> None:
    for operation in operations(document):
        # Too long an address never reaches the application.
        expected = STATUSES[operation["operationId"]] | {401, 414}
        assert set(map(int, operation["responses"])) == expected, operation["operationId"]


def test_every_body_has_an_example_that_is_one(document: Document) -> None:
    for operation in operations(document):
        for where, _, content in contents(operation):
            assert "example" in content, where
            validator(document, content["schema"]).validate(content["example"])


def test_every_parameter_has_a_description_and_an_example(document: Document) -> None:
    for operation in operations(document):
        for parameter in operation["parameters"]:
            assert parameter["description"], parameter
            told = parameter.get("example", parameter["schema"].get("example"))
            validator(document, parameter["schema"]).validate(told)


def test_every_field_has_a_description_and_answers_are_complete(document: Document) -> None:
    for name, schema in document["components"]["schemas"].items():
        for field, described in schema.get("properties", {}).items():
            assert described.get("description"), f"{name}.{field}"
    answers = {
        content["schema"]["$ref"].rpartition("/")[2]
        for operation in operations(document)
        for where, _, content in contents(operation)
        if not where.endswith("request")
    }
    for name in answers - {"Conflict"}:
        schema = document["components"]["schemas"][name]
        assert schema["required"] == sorted(schema["properties"]), name


def test_errors_are_problem_documents(document: Document) -> None:
    for operation in operations(document):
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                assert list(answer["content"]) == [PROBLEM]
                assert answer["content"][PROBLEM]["example"]["title"]


def test_headers_that_callers_go_by_are_documented(document: Document) -> None:
    wanted = {"401": "WWW-Authenticate", "429": "Retry-After", "503": "Retry-After"}
    wanted |= {"201": "Location", "202": "Location", "304": "ETag"}
    for operation in operations(document):
        for status in operation["responses"].keys() & wanted.keys():
            if (operation["operationId"], status) != ("cancelExecution", "202"):
                assert wanted[status] in operation["responses"][status]["headers"]


def test_links_lead_to_operations_and_name_their_parameters(document: Document) -> None:
    known = {operation["operationId"]: operation for operation in operations(document)}
    for operation in known.values():
        for answer in operation["responses"].values():
            for link in answer.get("links", {}).values():
                named = {each["name"] for each in known[link["operationId"]]["parameters"]}
                assert link["parameters"].keys() <= named


def test_languages_that_are_not_on_offer_are_not_in_the_document() -> None:
    document = document_of(session_client(languages="python,c"))
    assert document["components"]["schemas"]["LanguageId"]["enum"] == ["python", "c"]


@pytest.mark.parametrize(
    ("hosts", "url", "fits"),
    [
        ("", "https://hooks.example.com/x", False),
        ("hooks.example.com", "https://hooks.example.com/x?y=1", True),
        ("hooks.example.com", "https://hooks.example.com:443", True),
        ("hooks.example.com", "https://hooks.example.com:8443/x", False),
        ("hooks.example.com", "https://hooks.example.com/x y", False),
        ("hooks.example.com", "https://hooksXexample.com/", False),
        ("hooks.example.com:8443", "http://hooks.example.com:8443/x", True),
        ("*.example.com", "http://a.b.example.com/", True),
        ("*.example.com", "http://example.com/", False),
        ("10.0.0.1,[2001:db8::1]:8080!private", "http://[2001:db8::1]:8080/", True),
    ],
)
def test_the_document_tells_which_callbacks_are_allowed(hosts: str, url: str, fits: bool) -> None:
    document = document_of(execution_client(callback_allowed_hosts=hosts))
    body = {"$ref": "#/components/schemas/Run"}
    assert validator(document, body).is_valid({"callback_url": url}) == fits


@pytest.mark.parametrize(
    ("file", "fits"),
    [
        ({"name": "a", "content": ""}, True),
        ({"name": ".a/..b/...", "content": "\n"}, True),
        ({"name": "a", "content": "YQ==", "encoding": "base64"}, True),
        ({"name": "a", "content": "YQ=", "encoding": "base64"}, False),
        ({"name": "a", "content": "\0"}, False),
        ({"name": "../a", "content": ""}, False),
        ({"name": "a/./b", "content": ""}, False),
        ({"name": "a//b", "content": ""}, False),
        ({"name": "/a", "content": ""}, False),
        ({"name": "a\\b", "content": ""}, False),
        ({"name": "", "content": ""}, False),
    ],
)
def test_the_document_tells_which_files_are_accepted(file: Document, fits: bool) -> None:
    document = document_of(execution_client())
    body = {"$ref": "#/components/schemas/Run"}
    assert validator(document, body).is_valid({"files": [file]}) == fits


def test_with_tokens_every_call_says_so() -> None:
    token = "0123456789-token"
    for client in (
        session_client(api_tokens=token),
        execution_client(api_tokens=token, service_token=token),
    ):
        answer = client.get("/openapi.json", headers={"Authorization": f"Bearer {token}"})
        document = answer.get_json()
        assert document["security"] == [{"bearer": []}]
        assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


def test_neither_page_nor_document_names_an_address_on_the_internet(client: FlaskClient) -> None:
    page = client.get("/docs/").get_data(as_text=True)
    assert re.findall(r"""(?:src|href)=["'](?!/docs/)[^"']*""", page) == []
    assert '"validatorUrl": null' in page
    own = {"http://localhost/docs/oauth2-redirect.html"}
    assert set(re.findall(r"https?://[^\s\"']+", page)) <= own
    for needed in re.findall(r"""(?:src|href)=["'](/docs/[^"']*)""", page):
        assert client.get(needed).status_code == 200, needed
    described = client.get("/openapi.json").get_data(as_text=True)
    assert re.findall(r"https?://(?!hooks\.example\.com)[^\s\"']+", described) == []
