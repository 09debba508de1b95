"""A platform's backend, as it talks to a running stack through the gateway."""

import os
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from support.wait_until import eventually

CLIENT_SECONDS = 120


def required(variable: str) -> str:
    """An environment variable that `make test` sets; without it the test fails, not skips."""
    value = os.environ.get(variable, "")
    if not value:
        pytest.fail(f"{variable} is not set: run `make test`, which starts a stack and sets it.")
    return value


@dataclass(frozen=True)
class Platform:
    """Calls one base address and keeps nothing between calls."""

    base_url: str

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        """One HTTP call with a bound on its time."""
        return requests.request(method, self.base_url + path, timeout=CLIENT_SECONDS, **options)

    def open_session(self, source: str | None = None, language: str = "python") -> str:
        """A new session's id."""
        body = {"language": language}
        if source is not None:
            body["source_code"] = source
        answer = self.call("POST", "/code-sessions", json=body)
        assert answer.status_code == 201, answer.text
        session_id: str = answer.json()["session_id"]
        return session_id

    def start(self, session_id: str, **body: Any) -> str:
        """Ask for a run; its id."""
        answer = self.call("POST", f"/code-sessions/{session_id}/run", json=body)
        assert answer.status_code == 202, answer.text
        execution_id: str = answer.json()["execution_id"]
        return execution_id

    def result(self, execution_id: str) -> dict[str, Any]:
        """The execution once it is over."""
        return eventually(lambda: self._result_if_over(execution_id))

    def _result_if_over(self, execution_id: str) -> dict[str, Any]:
        answer = self.call("GET", f"/executions/{execution_id}?wait=30")
        assert answer.status_code == 200, answer.text
        execution: dict[str, Any] = answer.json()
        return {} if execution["status"] in ("QUEUED", "RUNNING") else execution

    def run(self, source: str, language: str = "python", **body: Any) -> dict[str, Any]:
        """Run one program in a session of its own."""
        return self.result(self.start(self.open_session(source, language), **body))
