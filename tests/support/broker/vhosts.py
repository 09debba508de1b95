"""RabbitMQ for tests: each has a virtual host of its own, with a deployment's policies."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

import pika
import pytest
import urllib3
from pika.adapters.blocking_connection import BlockingChannel

from runlet import topology
from runlet.languages import LANGUAGES
from runlet_amqp import declaration
from runlet_amqp.connection import connect
from runlet_amqp.envelopes import Envelope
from runlet_amqp.management import Management
from runlet_amqp.policies import create_policies
from runlet_amqp.settings import BrokerSettings

AMQP_VARIABLE = "RUNLET_TEST_AMQP_URL"
MANAGEMENT_VARIABLE = "RUNLET_TEST_RABBITMQ_MANAGEMENT_URL"
ARRIVAL_SECONDS = 120
TOPOLOGY = declaration.create_topology(LANGUAGES)


@pytest.fixture
def amqp_url() -> Iterator[str]:
    """The address of a virtual host with policies and no queues, deleted after the test."""
    server, management = _required(AMQP_VARIABLE), _required(MANAGEMENT_VARIABLE)
    name = f"test-{uuid4().hex}"
    _manage(management, "PUT", f"/api/vhosts/{name}")
    user = quote(urlsplit(management).username or "guest")
    _manage(management, "PUT", f"/api/permissions/{name}/{user}", _EVERYTHING)
    url = f"{server.rstrip('/')}/{name}"
    apply_policies(url)
    yield url
    _manage(management, "DELETE", f"/api/vhosts/{name}")


def apply_policies(
    amqp_url: str, callback_delays_seconds: Sequence[float] = topology.CALLBACK_DELAYS_SECONDS
) -> None:
    """Have a deployment's policies hold in the virtual host of this address."""
    management_of(amqp_url).apply_policies(create_policies(callback_delays_seconds))


def management_of(amqp_url: str) -> Management:
    """The management API for the virtual host of this address."""
    address = urlsplit(_required(MANAGEMENT_VARIABLE))
    return Management(
        f"{address.scheme}://{address.hostname}:{address.port}",
        address.username or "",
        address.password or "",
        urlsplit(amqp_url).path.strip("/"),
    )


@contextmanager
def open_channel(amqp_url: BrokerSettings | str) -> Iterator[BlockingChannel]:
    """A channel with confirms on a virtual host with the whole topology."""
    with connect(amqp_url, "test") as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        declaration.declare(channel, TOPOLOGY)
        yield channel


def publish(amqp_url: BrokerSettings | str, *messages: Envelope) -> None:
    """Publish messages, in this order, and wait until the broker has them."""
    with open_channel(amqp_url) as channel:
        for message in messages:
            channel.basic_publish(
                message.exchange, message.routing_key, message.body, message.properties()
            )


def take(
    amqp_url: BrokerSettings | str, queue: str, count: int
) -> list[tuple[pika.BasicProperties, bytes]]:
    """Take `count` messages out of a queue. Fails when fewer arrive in ARRIVAL_SECONDS."""
    taken: list[tuple[pika.BasicProperties, bytes]] = []
    with open_channel(amqp_url) as channel:
        for method, properties, body in channel.consume(queue, inactivity_timeout=ARRIVAL_SECONDS):
            if method is None:
                pytest.fail(f"{len(taken)} messages have come to {queue}, not {count}.")
            channel.basic_ack(method.delivery_tag)
            taken.append((properties, body))
            if len(taken) == count:
                break
        channel.cancel()
    return taken


def depth(amqp_url: BrokerSettings | str, queue: str) -> int:
    """How many messages are ready in a queue."""
    with open_channel(amqp_url) as channel:
        declared = channel.queue_declare(queue, passive=True)
        count: int = declared.method.message_count
        return count


_EVERYTHING = b'{"configure": ".*", "write": ".*", "read": ".*"}'


def _required(variable: str) -> str:
    value = os.environ.get(variable)
    if not value:
        pytest.fail(
            f"{variable} is not set, so there is no RabbitMQ to test with. "
            "Run `make test`, which starts one."
        )
    return value


def manage_json(path: str) -> Any:
    """What the management API says at `path`."""
    answer = _call_management(_required(MANAGEMENT_VARIABLE), "GET", path)
    assert answer.status == 200, answer.data
    return answer.json()


def _manage(management_url: str, method: str, path: str, body: bytes | None = None) -> None:
    answer = _call_management(management_url, method, path, body)
    assert answer.status in (201, 204), answer.data


def _call_management(
    management_url: str, method: str, path: str, body: bytes | None = None
) -> urllib3.BaseHTTPResponse:
    address = urlsplit(management_url)
    headers = urllib3.make_headers(basic_auth=f"{address.username}:{address.password}")
    url = f"{address.scheme}://{address.hostname}:{address.port}{path}"
    return urllib3.request(
        method, url, body=body, headers={**headers, "Content-Type": "application/json"}
    )
