"""Which calls may follow which answers, and with what, for the OpenAPI document."""

from typing import Any

from runlet_http.openapi.documents import link


def to_session(session_id: str) -> dict[str, Any]:
    """The calls on a session whose id is at `session_id`, a runtime expression."""
    return {
        "read": link("getCodeSession", "Read the session.", session_id=session_id),
        "save": link("saveCodeSession", "Save into it.", session_id=session_id),
        "close": link("closeCodeSession", "Close it.", session_id=session_id),
    }


THIS_SESSION = to_session("$response.body#/session_id")
FIRST_SESSION = to_session("$response.body#/sessions/0/session_id")
FIRST_LANGUAGE = {
    "read": link("getLanguage", "Read a language.", language_id="$response.body#/languages/0/id")
}
