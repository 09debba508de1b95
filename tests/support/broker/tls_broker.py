"""A RabbitMQ that speaks TLS as deploy/tls makes the stack's do."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from runlet_amqp.settings import BrokerSettings
from support.certificates import Authority
from support.deployments.server_containers import ROOT, port_of, server
from support.wait_until import eventually

CONF = "/etc/rabbitmq/conf.d"
LOGIN = {
    "RABBITMQ_DEFAULT_USER": "runlet",
    "RABBITMQ_DEFAULT_PASS": "runlet",
    "RABBITMQ_DEFAULT_VHOST": "runlet",
}
START_SECONDS = 270


@dataclass(frozen=True)
class TlsBroker:
    """A RabbitMQ with a certificate for localhost, and none for 127.0.0.1."""

    container: Any
    authority: Authority

    def url(self, scheme: str = "amqps", host: str = "localhost", port: int = 5671) -> str:
        """Its address."""
        return f"{scheme}://runlet:runlet@{host}:{port_of(self.container, port)}/runlet"

    def settings(self, **others: str) -> BrokerSettings:
        """What reaches it."""
        return BrokerSettings(
            **{"amqp_url": self.url(), "amqp_ca_file": str(self.authority.cert), **others}
        )

    def connections(self) -> str:
        """Who is connected, with protocol and name in the certificate, one a line."""
        columns = ("ssl_protocol", "peer_cert_subject")
        done = self.container.exec_run(
            ["rabbitmqctl", "-q", "list_connections", "--no-table-headers", *columns]
        )
        assert done.exit_code == 0, done.output
        return str(done.output.decode())


@contextmanager
def tls_broker(folder: Path) -> Iterator[TlsBroker]:
    """One that answers; the files of its authority are in `folder`."""
    authority = Authority(folder)
    command = [str(ROOT / "deploy/tls/make-certificates.sh"), str(folder), "localhost"]
    subprocess.run(command, check=True, capture_output=True, timeout=180)
    files: dict[str, bytes | Path] = {
        f"{CONF}/20-runlet.conf": ROOT / "deploy/rabbitmq/rabbitmq.conf",
        f"{CONF}/30-tls.conf": ROOT / "deploy/tls/rabbitmq.conf",
        "/etc/rabbitmq/tls/ca.pem": authority.cert,
        "/etc/rabbitmq/tls/server.pem": folder / "server.pem",
        "/etc/rabbitmq/tls/server-key.pem": folder / "server-key.pem",
    }
    loopback = ("127.0.0.1", None)
    environment = {**rabbitmq_environment(), **LOGIN}
    ports = {"5671/tcp": loopback, "5672/tcp": loopback}
    with server("rabbitmq", files, environment=environment, ports=ports) as container:
        listens = ["bash", "-c", ": < /dev/tcp/127.0.0.1/5671"]
        eventually(lambda: container.exec_run(listens).exit_code == 0, START_SECONDS)
        yield TlsBroker(container, authority)


def rabbitmq_environment() -> dict[str, str]:
    """What the stack's RabbitMQ is told, but for its user."""
    stack = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    environment = stack["services"]["rabbitmq"]["environment"]
    return {name: environment[name] for name in ("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",)}
