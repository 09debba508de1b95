"""A running Prometheus, asked over its HTTP API."""

from dataclasses import dataclass
from typing import Any

import requests

CLIENT_SECONDS = 60


@dataclass(frozen=True)
class Prometheus:
    """Reads what the Prometheus at one address knows."""

    base_url: str

    def ask(self, path: str, **parameters: str) -> Any:
        """The data of an answer below /api/v1."""
        url = f"{self.base_url}/api/v1/{path}"
        answer = requests.get(url, params=parameters, timeout=CLIENT_SECONDS)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def page(self, path: str) -> str:
        """One of the pages it serves."""
        answer = requests.get(f"{self.base_url}/{path}", timeout=CLIENT_SECONDS)
        assert answer.status_code == 200, answer.text
        return answer.text

    def is_ready(self) -> bool:
        """Whether it answers queries."""
        try:
            return requests.get(f"{self.base_url}/-/ready", timeout=CLIENT_SECONDS).ok
        except requests.ConnectionError:
            return False

    def targets(self) -> dict[str, list[str]]:
        """For each job, what is the matter with each of its targets: "up", or an error."""
        found: dict[str, list[str]] = {}
        for target in self.ask("targets", state="active")["activeTargets"]:
            state = target["lastError"] or target["health"]
            found.setdefault(target["labels"]["job"], []).append(state)
        return found

    def metric_names(self) -> set[str]:
        """The names of all series it has."""
        return set(self.ask("label/__name__/values"))
