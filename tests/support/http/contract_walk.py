"""Walking through the contract: one row for each answer that a call can give."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import uuid4

import requests

from support.databases.dead_letters import fail_while_running, send_malformed
from support.deployments.api_client import Platform

PYTHON = {"language": "python"}
NOT_JSON = {"data": b"{", "headers": {"Content-Type": "application/json"}}
PLAIN_TEXT = {"data": "source_code=x", "headers": {"Content-Type": "text/plain"}}
TOO_LARGE = {"source_code": "x" * 262_145}
HUGE = {"source_code": "x" * 7_000_000}
GIGANTIC = {"source_code": "x" * 9_000_000}

# Every operation, with a request that is as it should be.
OPERATIONS: dict[str, dict[str, Any]] = {
    "POST /code-sessions": {"json": PYTHON},
    "GET /code-sessions": {},
    "GET /code-sessions/{session_id}": {},
    "PATCH /code-sessions/{session_id}": {"json": {"source_code": "x"}},
    "PATCH /code-sessions/{session_id}/close": {},
    "GET /languages": {},
    "GET /languages/{language_id}": {},
    "POST /code-sessions/{session_id}/run": {"json": {}},
    "GET /code-sessions/{session_id}/executions": {},
    "GET /executions/{execution_id}": {},
    "GET /executions/{execution_id}/stream": {},
    "GET /executions/{execution_id}/events": {},
    "POST /executions/{execution_id}/cancel": {},
    "GET /dead-letters": {},
    "POST /dead-letters/{letter_id}/requeue": {},
    "DELETE /dead-letters/{letter_id}": {},
}


def needs_database(operation: str) -> bool:
    """Whether a call is of no use without the database."""
    return "/languages" not in operation


# What any call may answer; 503 as well, where the database is needed.
ANYWHERE = frozenset({401, 414})


def common_answers() -> set[tuple[str, int]]:
    """The answers of test_contract_everywhere.py, which are the same for all operations."""
    anywhere = {(operation, status) for operation in OPERATIONS for status in ANYWHERE}
    return anywhere | {(operation, 503) for operation in OPERATIONS if needs_database(operation)}


def call(platform: Platform, operation: str, named: str = "", **request: Any) -> requests.Response:
    """Make a call; `named` is what stands for the name in the path's braces."""
    method, path = operation.split(" ")
    return platform.call(method, re.sub(r"\{\w+\}", named, path), **request)


def check_problem(answer: requests.Response, status: int) -> dict[str, Any]:
    """The problem document, which is as RFC 9457 and the contract say."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["type"] == "about:blank"
    assert problem["title"]
    # A 409 about an execution has that one's status instead.
    assert problem["status"] == status or (status == 409 and problem["execution_id"])
    assert problem["detail"] == problem["error"]
    assert problem["detail"].endswith(".")
    assert ("errors" in problem) == (status == 422)
    return problem


def documented(api: Platform) -> set[tuple[str, int]]:
    """Every operation and every status that an API's own document tells of."""
    document = api.call("GET", "/openapi.json").json()
    return {
        (f"{method.upper()} {path}", int(status))
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if method != "parameters"
        for status in operation["responses"]
    }


@dataclass(frozen=True)
class Scene:
    """What the rows of one prefix speak of, made when it is first spoken of."""

    platform: Platform
    _active: list[str] = field(default_factory=list)

    @cached_property
    def session(self) -> str:
        """An active session."""
        return self.platform.open_session("print(1)")

    @cached_property
    def closed_session(self) -> str:
        """A session that is closed."""
        session_id = self.platform.open_session()
        self.platform.call("PATCH", f"/code-sessions/{session_id}/close")
        return session_id

    @cached_property
    def finished(self) -> str:
        """An execution that is over."""
        execution_id: str = self.platform.run("print('done')")["execution_id"]
        return execution_id

    @cached_property
    def session_that_ran(self) -> str:
        """The session of that execution."""
        path = f"/executions/{self.finished}"
        session_id: str = self.platform.call("GET", path).json()["session_id"]
        return session_id

    def fresh_session(self) -> str:
        """A session of which nobody else knows."""
        return self.platform.open_session("print(1)")

    def busy_session(self) -> str:
        """A session with an execution that is not over until `settle`."""
        session_id = self.platform.open_session("import time\ntime.sleep(50)")
        self._active.append(self.platform.start(session_id, time_limit_ms=60_000))
        return session_id

    def active(self) -> str:
        """An execution that is not over until `settle`."""
        self.busy_session()
        return self._active[-1]

    def settle(self) -> None:
        """Cancel what is still active, which would keep runners from other work."""
        while self._active:
            self.platform.call("POST", f"/executions/{self._active.pop()}/cancel")

    def letter(self) -> str:
        """A dead letter whose execution failed."""
        letter_id: str = fail_while_running(self.platform)[1]["id"]
        return letter_id

    def hopeless_letter(self) -> str:
        """A dead letter without an execution."""
        letter_id: str = send_malformed(self.platform)["id"]
        return letter_id

    def unknown(self) -> str:
        """An id that names nothing."""
        return str(uuid4())

    def no_uuid(self) -> str:
        """What is no id at all."""
        return "17"


@dataclass(frozen=True)
class Row:
    """An operation, the status it answers with, and the request that makes it do so.

    `of` gives what stands in the path's braces. `shows` are the names in the answer: of its members
    in a success, of the fields at fault in a 422, of additional members in another problem.
    """

    operation: str
    status: int
    of: Callable[[Scene], str] | None = None
    query: str = ""
    request: Mapping[str, Any] = field(default_factory=dict)
    shows: frozenset[str] = frozenset()

    def __str__(self) -> str:
        named = getattr(self.of, "__name__", "")
        return " ".join(filter(None, [str(self.status), self.operation, named, self.query]))

    def ask(self, scene: Scene) -> requests.Response:
        """Make the call."""
        named = self.of(scene) if self.of else ""
        return call(scene.platform, self.operation + self.query, named, **self.request)

    def check(self, answer: requests.Response) -> None:
        """Fail unless the answer is as the row says."""
        if self.status >= 400:
            problem = check_problem(answer, self.status)
            shown = problem["errors"] if self.status == 422 else problem
            assert self.shows <= set(shown), problem
            return
        assert answer.status_code == self.status, answer.text
        if self.status in (204, 304):
            assert answer.content == b""
        elif "json" in answer.headers["Content-Type"]:
            assert set(answer.json()) == self.shows
