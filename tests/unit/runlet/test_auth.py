"""Who is let in."""

from pathlib import Path

import pytest
import structlog
from flask import Flask
from flask.testing import FlaskClient

from runlet.config import ConfigError
from runlet_http import auth
from runlet_http.app import Description, create_app
from runlet_http.auth import TokenSettings

TOKEN, OTHER, SERVICE = "ci-0123456789abcdef", "web=0123456789=abc", "service-0123456789"
METRICS = "metrics-0123456789"
SETTINGS = TokenSettings(
    api_tokens=f"ci:{TOKEN},web:{OTHER}", service_token=SERVICE, metrics_token=METRICS
)


def application(settings: TokenSettings, *, trusts_services: bool = True) -> Flask:
    """An application that tells who the log says is calling."""
    app, api = create_app(Description("Test API"))
    auth.install(app, api, settings, trusts_services=trusts_services)

    @app.get("/caller")
    def caller() -> dict[str, object]:
        return {"caller": structlog.contextvars.get_contextvars().get("caller")}

    return app


@pytest.fixture
def client() -> FlaskClient:
    return application(SETTINGS).test_client()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def caller(client: FlaskClient, headers: dict[str, str] | None = None) -> object:
    """The caller's name, or the status of the refusal."""
    answer = client.get("/caller", headers=headers)
    return answer.get_json()["caller"] if answer.status_code == 200 else answer.status_code


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/caller"),
        ("HEAD", "/caller"),
        ("OPTIONS", "/caller"),
        ("DELETE", "/caller"),
        ("GET", "/nowhere"),
        ("POST", "/health/x"),
        ("GET", "/"),
        ("GET", "/docs/"),
        ("GET", "/openapi.json"),
        ("GET", "/metrics"),
        ("GET", "/ready"),
    ],
)
def test_every_call_needs_a_token(client: FlaskClient, prefix: str, method: str, path: str) -> None:
    refused = client.open(prefix + path, method=method)
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert refused.content_type == "application/problem+json"
    known = client.open(prefix + path, method=method, headers=bearer(TOKEN))
    assert known.status_code != 401


@pytest.mark.parametrize("path", ["/health", "/api/v1/health"])
def test_health_needs_none(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 200


def test_the_log_knows_callers_by_name(client: FlaskClient) -> None:
    assert caller(client, bearer(TOKEN)) == "ci"
    assert caller(client, bearer(OTHER)) == "web"
    assert caller(client, {"Authorization": f"bearer   {TOKEN} "}) == "ci"


def test_a_caller_is_forgotten_after_the_call(client: FlaskClient) -> None:
    caller(client, bearer(TOKEN))
    client.get("/health")
    assert "caller" not in structlog.contextvars.get_contextvars()


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer ci:{TOKEN}",
        f"Bearer {TOKEN},{OTHER}",
        f"Basic {TOKEN}",
        TOKEN,
        "Bearer \xff\xfe",
    ],
)
def test_anything_else_is_refused_and_not_repeated(client: FlaskClient, header: str) -> None:
    answer = client.get("/caller", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.get_json()["error"]
    assert TOKEN not in answer.text


def test_the_service_token_is_good_only_where_services_are_trusted(client: FlaskClient) -> None:
    assert caller(client, bearer(SERVICE)) == "service"
    other = application(SETTINGS, trusts_services=False).test_client()
    assert caller(other, bearer(SERVICE)) == 401


def test_the_metrics_token_opens_metrics_and_nothing_else(client: FlaskClient) -> None:
    assert client.get("/metrics", headers=bearer(METRICS)).status_code == 200
    assert client.get("/api/v1/metrics", headers=bearer(METRICS)).status_code == 200
    assert client.get("/openapi.json", headers=bearer(METRICS)).status_code == 401
    assert caller(client, bearer(METRICS)) == 401


def test_a_caller_who_is_called_service_does_not_lock_services_out() -> None:
    settings = TokenSettings(api_tokens=f"service:{TOKEN}", service_token=SERVICE)
    client = application(settings).test_client()
    assert caller(client, bearer(SERVICE)) == caller(client, bearer(TOKEN)) == "service"


@pytest.mark.parametrize("settings", [TokenSettings(), TokenSettings(service_token=SERVICE)])
def test_without_tokens_everybody_is_let_in(settings: TokenSettings) -> None:
    client = application(settings).test_client()
    assert caller(client) is None
    assert caller(client, bearer("anything")) is None
    assert "security" not in client.get("/openapi.json").get_json()


def test_the_document_says_how_to_show_a_token(client: FlaskClient) -> None:
    document = client.get("/openapi.json", headers=bearer(TOKEN)).get_json()
    (name,) = document["security"][0]
    scheme = document["components"]["securitySchemes"][name]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")


def test_a_file_of_tokens_is_enough(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text(f"# ours\nci:{TOKEN}\n", encoding="utf-8")
    client = application(TokenSettings(api_tokens_file=str(path))).test_client()
    assert caller(client) == 401
    assert caller(client, bearer(TOKEN)) == "ci"


@pytest.mark.parametrize(
    "settings",
    [
        TokenSettings(api_tokens=" "),
        TokenSettings(api_tokens="too-short"),
        TokenSettings(api_tokens_file="/nowhere/tokens"),
        TokenSettings(service_token="too-short"),
        TokenSettings(metrics_token="too-short"),
    ],
)
def test_an_unusable_setting_stops_the_start_and_is_not_shown(settings: TokenSettings) -> None:
    with pytest.raises(ConfigError) as refused:
        application(settings)
    assert "too-short" not in str(refused.value)
    assert "too-short" not in repr(settings)
