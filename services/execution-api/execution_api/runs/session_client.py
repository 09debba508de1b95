"""What the execution API asks the session API: the state of a session, now."""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
import structlog
from tenacity import retry, retry_if_exception_type, stop_after_attempt
from urllib3 import BaseHTTPResponse, Timeout
from urllib3.connectionpool import connection_from_url
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ProtocolError

from execution_api.errors import SessionNotFoundError, UnavailableError
from runlet_telemetry import tracing
from runlet_telemetry.tracing import Kind

log = structlog.get_logger()

CONNECT_SECONDS, READ_SECONDS = 1.0, 3.0
# No connection, or it ended before an answer. Not a time-out of reading: the session API is then
# too busy to be asked twice.
TRY_AGAIN_AFTER = (NewConnectionError, ConnectTimeoutError, ProtocolError)


@dataclass(frozen=True)
class Snapshot:
    """A session at one moment."""

    session_id: UUID
    status: Literal["ACTIVE", "INACTIVE"]
    language: str
    source_code: str
    user_id: str | int | None = None


class SessionClient:
    """Reads sessions over connections that are kept open; any thread may call it."""

    def __init__(self, base_url: str, max_connections: int, token: str = "") -> None:
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._base_path = urlsplit(base_url).path.rstrip("/")
        self._pool = connection_from_url(
            base_url,
            maxsize=max_connections,
            timeout=Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
            retries=False,
        )

    def fetch(self, session_id: UUID) -> Snapshot:
        """The session as it is now. Raises SessionNotFoundError, UnavailableError."""
        try:
            response = self._get(session_id)
        except HTTPError as error:
            raise _unavailable(session_id, repr(error)) from error
        if response.status == 404:
            raise SessionNotFoundError
        if response.status != 200:
            raise _unavailable(session_id, f"status {response.status}")
        try:
            return msgspec.json.decode(response.data, type=Snapshot)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise _unavailable(session_id, repr(error)) from error

    @retry(retry=retry_if_exception_type(TRY_AGAIN_AFTER), stop=stop_after_attempt(2), reraise=True)
    def _get(self, session_id: UUID) -> BaseHTTPResponse:
        with tracing.step("GET /code-sessions/{id}", Kind.CLIENT) as span:
            response = self._pool.urlopen(
                "GET",
                f"{self._base_path}/code-sessions/{session_id}",
                headers={"traceparent": span.traceparent, **self._headers},
                redirect=False,
            )
            span.note({"http.response.status_code": response.status})
            return response


def _unavailable(session_id: UUID, error: str) -> UnavailableError:
    log.error("session_api_unavailable", session_id=str(session_id), error=error)
    return UnavailableError("The session API does not answer. Try the run again in 2 seconds.")
