"""The part of RabbitMQ's management API that is needed for policies and for counting messages."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import quote

import urllib3
from msgspec import Meta

from runlet_amqp.errors import BrokerRefusedError, BrokerUnavailableError
from runlet_amqp.policies import PREFIX, Policy
from runlet_amqp.settings import BrokerSettings

PORT = 15672
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
        """Have these policies hold, and no other of those that were made here before.

        Where they hold already it is one call, and the queues notice nothing.
        """
        wanted = {policy.name: policy.as_definition() for policy in policies}
        answer = self._call("GET", f"/api/policies/{quote(self.vhost, safe='')}")
        found = {each["name"]: each for each in answer}
        for name, definition in wanted.items():
            if not definition.items() <= found.get(name, {}).items():
                self._call("PUT", self._policy_path(name), definition)
        for name in found:
            if name.startswith(PREFIX) and name not in wanted:
                self._call("DELETE", self._policy_path(name))

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
        try:
            return answer.json() if answer.data else None
        except ValueError as error:
            raise BrokerRefusedError(f"{url} is no management API: {answer.data[:80]!r}") from error


@dataclass(frozen=True, kw_only=True)
class ManagementSettings(BrokerSettings):
    """Each field is an environment variable of the same name, in capitals."""

    rabbitmq_management_address: Annotated[
        str,
        Meta(
            description="RabbitMQ's management API, such as `https://broker:15671`; user and "
            "password are those of AMQP_URL. Default: port 15672 of its first address, in plain "
            "text."
        ),
    ] = ""

    def management(self) -> Management:
        """The management API for the virtual host of AMQP_URL."""
        address = self.addresses()[0]
        login = address.credentials
        url = self.rabbitmq_management_address or f"http://{address.host}:{PORT}"
        return Management(
            url, login.username, login.password, address.virtual_host, self.amqp_ca_file
        )
