"""The part of RabbitMQ's management API that is needed to prepare a broker."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import urllib3

from runlet_amqp.errors import BrokerRefusedError, BrokerUnavailableError
from runlet_amqp.policies import PREFIX, Policy

TIMEOUT_SECONDS = 10.0
_REFUSALS = (400, 401, 403, 404)


@dataclass(frozen=True)
class Management:
    """The management API at `url`, for one virtual host.

    `ca_file` names the authorities that are trusted where it is encrypted. Each call takes up to
    TIMEOUT_SECONDS, and raises BrokerUnavailableError when the broker does not answer,
    BrokerRefusedError when it refuses.
    """

    url: str
    user: str
    password: str = field(repr=False)
    vhost: str
    ca_file: str = ""

    def apply_policies(self, policies: Iterable[Policy]) -> None:
        """Have these policies hold, and no other of those that were made here before."""
        wanted = {policy.name: policy for policy in policies}
        for policy in wanted.values():
            definition = policy.as_definition()
            self._call("PUT", self._policy_path(definition.pop("name")), definition)
        for found in self._call("GET", f"/api/policies/{quote(self.vhost, safe='')}"):
            if found["name"].startswith(PREFIX) and found["name"] not in wanted:
                self._call("DELETE", self._policy_path(found["name"]))

    def count_messages(self, queue: str) -> int:
        """All messages of a queue, those with a consumer as well, as of some seconds ago."""
        vhost, name = quote(self.vhost, safe=""), quote(queue, safe="")
        found = self._call("GET", f"/api/queues/{vhost}/{name}")
        # A queue has no figures before its first report.
        return int(found.get("messages", 1))

    def _policy_path(self, name: str) -> str:
        return f"/api/policies/{quote(self.vhost, safe='')}/{quote(name, safe='')}"

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        login = urllib3.make_headers(basic_auth=f"{self.user}:{self.password}")
        url = self.url.rstrip("/") + path
        pool = urllib3.PoolManager(timeout=TIMEOUT_SECONDS, ca_certs=self.ca_file or None)
        try:
            answer = pool.request(method, url, json=body, headers=login, retries=False)
        except urllib3.exceptions.HTTPError as error:
            raise BrokerUnavailableError(f"The management API is unavailable: {error!r}") from error
        if answer.status in _REFUSALS:
            raise BrokerRefusedError(f"{method} {path} was refused: {answer.data.decode()}")
        if answer.status >= 300:
            raise BrokerUnavailableError(f"{method} {path} failed: {answer.status}")
        return answer.json() if answer.data else None
