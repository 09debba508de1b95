"""The same paths bare and under a version prefix."""

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

PREFIX = "/api/v1"


class PrefixMiddleware:
    """Moves PREFIX from the path to the script name, so that links keep it."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        path = environ.get("PATH_INFO", "")
        if path.startswith(f"{PREFIX}/"):
            environ["PATH_INFO"] = path[len(PREFIX) :]
            environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + PREFIX
        return self._app(environ, start_response)
