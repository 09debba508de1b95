"""What the execution API asks the session API: the state of a session, now."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import msgspec
import structlog
from tenacity import retry, retry_if_exception_type, stop_after_attempt
from urllib3 import BaseHTTPResponse, PoolManager, Timeout
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ProtocolError,
)

from runlet import tracing
from runlet.http.problems import ProblemError, not_found, unavailable
from runlet.tracing import Kind

log = structlog.get_logger()

CONNECT_SECONDS, READ_SECONDS = 1.0, 3.0

# Nothing was answered on these, and a GET may be sent again; a time-out of the answer is not here,
# because the session API is then too busy to be asked twice.
_WORTH_A_RETRY = (ConnectTimeoutError, NewConnectionError, ProtocolError)


@dataclass(frozen=True)
class Snapshot:
    """A session at one moment."""

    session_id: UUID
    status: Literal["ACTIVE", "INACTIVE"]
    language: str
    source_code: str
    user_id: str | int | None = None


class SessionClient:
    """Reads sessions over connections that are kept open."""

    def __init__(self, base_url: str, max_connections: int, token: str = "") -> None:
        self._base_url = base_url.rstrip("/")
        self._credentials = {"Authorization": f"Bearer {token}"} if token else {}
        self._pool = PoolManager(
            maxsize=max_connections,
            timeout=Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
            retries=False,
        )

    def fetch(self, session_id: UUID) -> Snapshot:
        """The session as it is now.

        Raises ProblemError: 404 when there is no such session, 503 when the session API is away.
        """
        try:
            response = self._get(session_id)
        except HTTPError as error:
            raise self._away(session_id, repr(error)) from error
        if response.status == 404:
            raise not_found("code session")
        if response.status != 200:
            raise self._away(session_id, f"status {response.status}")
        try:
            return msgspec.json.decode(response.data, type=Snapshot)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._away(session_id, repr(error)) from error

    @retry(retry=retry_if_exception_type(_WORTH_A_RETRY), stop=stop_after_attempt(2), reraise=True)
    def _get(self, session_id: UUID) -> BaseHTTPResponse:
        with tracing.step("GET /code-sessions/{id}", Kind.CLIENT) as span:
            response = self._pool.request(
                "GET",
                f"{self._base_url}/code-sessions/{session_id}",
                headers={"traceparent": span.traceparent, **self._credentials},
            )
            span.note({"http.response.status_code": response.status})
            return response

    @staticmethod
    def _away(session_id: UUID, error: str) -> ProblemError:
        log.error("session_api_unavailable", session_id=str(session_id), error=error)
        return unavailable("The session API does not answer. Try the run again in 2 seconds.")
