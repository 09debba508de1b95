"""What the execution API asks the session API: the state of a session, now."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import msgspec
import structlog
from tenacity import retry, retry_if_exception_type, stop_after_attempt

from execution_api.runs.http_pool import Answer, KeptConnections, NoAnswerError, NotHeardError
from runlet_http.problems import ProblemError, not_found, unavailable
from runlet_telemetry import tracing
from runlet_telemetry.tracing import Kind

log = structlog.get_logger()


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
        self._credentials = {"Authorization": f"Bearer {token}"} if token else {}
        self._connections = KeptConnections(base_url, max_connections)

    def fetch(self, session_id: UUID) -> Snapshot:
        """The session as it is now.

        Raises ProblemError: 404 when there is no such session, 503 when the session API is away.
        """
        try:
            answer = self._get(session_id)
        except (NotHeardError, NoAnswerError) as error:
            raise self._away(session_id, str(error)) from error
        if answer.status == 404:
            raise not_found("code session")
        if answer.status != 200:
            raise self._away(session_id, f"status {answer.status}")
        try:
            return msgspec.json.decode(answer.data, type=Snapshot)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._away(session_id, repr(error)) from error

    # Not after a time-out: the session API is then too busy to be asked twice.
    @retry(retry=retry_if_exception_type(NotHeardError), stop=stop_after_attempt(2), reraise=True)
    def _get(self, session_id: UUID) -> Answer:
        with tracing.step("GET /code-sessions/{id}", Kind.CLIENT) as span:
            answer = self._connections.get(
                f"/code-sessions/{session_id}",
                {"traceparent": span.traceparent, **self._credentials},
            )
            span.note({"http.response.status_code": answer.status})
            return answer

    @staticmethod
    def _away(session_id: UUID, error: str) -> ProblemError:
        log.error("session_api_unavailable", session_id=str(session_id), error=error)
        return unavailable("The session API does not answer. Try the run again in 2 seconds.")
