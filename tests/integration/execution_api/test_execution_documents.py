"""What the API says of itself."""

from flask.testing import FlaskClient


def test_every_call_is_documented(client: FlaskClient) -> None:
    document = client.get("/openapi.json").get_json()
    operations = {
        (method, path): operation["operationId"]
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in ("get", "post", "delete")
    }
    assert operations == {
        ("post", "/code-sessions/{session_id}/run"): "runCode",
        ("get", "/code-sessions/{session_id}/executions"): "listExecutions",
        ("get", "/executions/{execution_id}"): "getExecution",
        ("get", "/executions/{execution_id}/stream"): "streamExecution",
        ("get", "/executions/{execution_id}/events"): "getExecutionEvents",
        ("post", "/executions/{execution_id}/cancel"): "cancelExecution",
        ("get", "/dead-letters"): "listDeadLetters",
        ("post", "/dead-letters/{letter_id}/requeue"): "requeueDeadLetter",
        ("delete", "/dead-letters/{letter_id}"): "deleteDeadLetter",
    }


def test_the_body_of_a_run_is_optional_and_described(client: FlaskClient) -> None:
    document = client.get("/openapi.json").get_json()
    body = document["paths"]["/code-sessions/{session_id}/run"]["post"]["requestBody"]
    assert not body["required"]
    fields = document["components"]["schemas"]["Run"]["properties"]
    assert fields["time_limit_ms"]["minimum"] == 100
    assert fields["callback_url"]["type"] == "string"


def test_it_has_health_docs_and_metrics(client: FlaskClient) -> None:
    assert client.get("/health").get_json() == {"status": "ok"}
    assert client.get("/docs/").status_code == 200
    assert b"runlet_http_request_seconds" in client.get("/metrics").data
