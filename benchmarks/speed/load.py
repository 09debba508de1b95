"""A platform's backend that asks for runs and waits for their results."""

import json
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from benchmarks.speed.figures import Figures, latencies, throughput

CALLERS = 8
SECONDS = 60


class Caller:
    """One backend connection with one code session; calling it runs the session's code once."""

    def __init__(self, address: str, language: str, source: str, expected: str) -> None:
        # The plainest client there is: it shares the cores with what it measures.
        self._http = HTTPConnection(urlsplit(address).netloc, timeout=SECONDS)
        self._expected = expected
        body = {"language": language, "source_code": source}
        self._session = self._call("POST", "/code-sessions", body)["session_id"]

    def __call__(self) -> None:
        """From the call to the result in hand. Raises RuntimeError for any other result."""
        run = self._call("POST", f"/code-sessions/{self._session}/run", None)
        result = self._call("GET", f"/executions/{run['execution_id']}?wait=30", None)
        if result["stdout"] != self._expected:
            raise RuntimeError(f"Expected {self._expected!r}, got {result}")

    def _call(self, method: str, path: str, body: object) -> Any:
        sent = None if body is None else json.dumps(body)
        self._http.request(method, path, sent, {"Content-Type": "application/json"})
        answer = self._http.getresponse()
        data = answer.read()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {data!r}")
        return json.loads(data)


def measure(
    name: str,
    make_caller: Callable[[], Caller],
    runs: int,
    cpu: Callable[[], dict[str, float]],
) -> Figures:
    """Latencies of one caller, throughput of several, CPU seconds of each part for each run."""
    callers = [make_caller() for _ in range(CALLERS)]
    throughput(list(callers), 2)
    alone = latencies(callers[0], runs)
    runs_each = max(1, runs // CALLERS)
    before = cpu()
    per_second = throughput(list(callers), runs_each)
    spent = {part: seconds - before.get(part, 0.0) for part, seconds in cpu().items()}
    each = {part: seconds / (runs_each * CALLERS) for part, seconds in spent.items()}
    return Figures(name, alone, per_second, each)
