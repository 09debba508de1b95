"""Bearer tokens (RFC 6750): which callers are let in, where a deployment has tokens."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

import structlog
from flask import Flask, request
from flask_smorest import Api
from msgspec import Meta

from runlet.clock import SystemClock
from runlet_http import tokens
from runlet_http.problems import ProblemError
from runlet_http.tokens import Digests, TokenFile

SERVICE_NAME = "service"
METRICS_NAME = "metrics"

_OPEN_ENDPOINTS = frozenset({"health"})
_CHALLENGE = {"WWW-Authenticate": "Bearer"}


@dataclass(frozen=True, kw_only=True)
class TokenSettings:
    """The tokens of a deployment, each field an environment variable of the same name.

    `api_tokens` are separated by commas, `name:token` or just the token. `api_tokens_file` names a
    file with one on each line, and is read again when it changes. Without either, every call is
    let in; with one, all but /health need a token, Prometheus's scrapes too.
    `service_token` is what one service sends another, `metrics_token` opens /metrics and nothing
    else; they alone do not make the others necessary.
    """

    api_tokens: Annotated[
        str,
        Meta(
            description="`name:token,…`, each of at least 16 characters; then every call but "
            "`/health` needs `Authorization: Bearer TOKEN`."
        ),
    ] = field(default="", repr=False)
    api_tokens_file: Annotated[
        str,
        Meta(description="A file with one such token a line, read again when it changes."),
    ] = ""
    service_token: Annotated[
        str, Meta(description="What the execution API shows the session API.")
    ] = field(default="", repr=False)
    metrics_token: Annotated[
        str, Meta(description="Opens the APIs' `/metrics` and nothing else.")
    ] = field(default="", repr=False)

    def needs_token(self) -> bool:
        """Whether a caller has to show a token."""
        return bool(self.api_tokens or self.api_tokens_file)


def install(app: Flask, api: Api, settings: TokenSettings, *, trusts_services: bool) -> None:
    """Require a token of callers of `app`, if the deployment has any.

    With `trusts_services` the service token is accepted as well. Raises ConfigError for
    settings that cannot be used; it does not show the tokens.
    """
    services = _special("SERVICE_TOKEN", SERVICE_NAME, settings.service_token)
    scrapers = _special("METRICS_TOKEN", METRICS_NAME, settings.metrics_token)
    if not settings.needs_token():
        return
    current = _current_digests(settings)
    trusted = services if trusts_services else {}
    trusted_by = {"metrics": {**trusted, **scrapers}}
    _document(api)

    @app.before_request
    def check() -> None:
        structlog.contextvars.unbind_contextvars("caller")
        if request.endpoint not in _OPEN_ENDPOINTS:
            caller = _caller(current(), trusted_by.get(request.endpoint or "", trusted))
            structlog.contextvars.bind_contextvars(caller=caller)

    @app.teardown_request
    def forget(_error: BaseException | None) -> None:
        structlog.contextvars.unbind_contextvars("caller")


def _special(setting: str, name: str, token: str) -> Digests:
    if not token:
        return {}
    tokens.check_token(setting, token)
    return {name: tokens.digest_of(token)}


def _current_digests(settings: TokenSettings) -> Callable[[], Digests]:
    name, path = "API_TOKENS_FILE", settings.api_tokens_file
    fixed = tokens.in_setting("API_TOKENS", settings.api_tokens) if settings.api_tokens else []
    if path:
        return TokenFile(name, path, fixed, SystemClock()).digests
    digests = tokens.digests_of(fixed)
    return lambda: digests


def _caller(digests: Digests, trusted: Digests) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise ProblemError(
            401,
            "This call needs a token. Send it in a header: Authorization: Bearer TOKEN.",
            headers=_CHALLENGE,
        )
    # Both are asked whatever the first one says, and names of the one do not hide the other's.
    owners = [tokens.owner(token.strip(), known) for known in (digests, trusted)]
    caller = owners[0] or owners[1]
    if caller is None:
        raise ProblemError(
            401,
            "This token is not valid here. Check it, or ask the operator for one.",
            headers=_CHALLENGE,
        )
    return caller


def _document(api: Api) -> None:
    scheme = {"type": "http", "scheme": "bearer", "description": "A token of this deployment."}
    api.spec.components.security_scheme("bearer", scheme)
    api.spec.options["security"] = [{"bearer": []}]
