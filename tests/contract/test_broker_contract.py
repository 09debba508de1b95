"""The names, kinds and properties that others see on RabbitMQ."""

import json
from datetime import UTC, datetime
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from runlet import topology
from runlet.languages import LANGUAGES
from runlet.limits import Limits
from runlet.messages import ExecutionStarted, RunRequested
from runlet_amqp import envelopes
from runlet_amqp.envelopes import Envelope
from support.broker import vhosts

REQUEST = RunRequested(
    execution_id=uuid4(),
    session_id=uuid4(),
    language="python",
    source_code="print(1)",
    limits=Limits(5000, 256, 1_048_576),
    queued_at=datetime.now(UTC),
)


@pytest.fixture
def vhost(amqp_url: str) -> str:
    with vhosts.open_channel(amqp_url):
        return urlsplit(amqp_url).path.strip("/")


def test_exchanges_are_durable_and_of_their_kind(vhost: str) -> None:
    found = {each["name"]: each for each in vhosts.manage_json(f"/api/exchanges/{vhost}")}

    kinds = {
        "runs": "direct",
        "runs.retry": "headers",
        "runs.dlx": "fanout",
        "results": "topic",
        "control": "fanout",
        "executions.ended": "fanout",
    }
    assert {name: found[name]["type"] for name in kinds} == kinds
    assert all(found[name]["durable"] for name in kinds)


def test_every_queue_is_a_durable_quorum_queue(vhost: str) -> None:
    found = {each["name"]: each for each in vhosts.manage_json(f"/api/queues/{vhost}")}

    languages = {f"runs.{language}" for language in LANGUAGES}
    delays = {"runs.retry.2s", "runs.retry.4s", "runs.retry.8s"}
    callbacks = {"callbacks", "callbacks.dead"}
    callbacks |= {f"callbacks.retry.{seconds}s" for seconds in (2, 10, 60, 300, 1800)}
    assert set(found) == languages | delays | callbacks | {"runs.dead", "results.collector"}
    assert {each["type"] for each in found.values()} == {"quorum"}
    assert all(each["durable"] for each in found.values())


def test_work_that_cannot_be_done_ends_in_the_dead_letters(vhost: str) -> None:
    arguments = vhosts.manage_json(f"/api/queues/{vhost}/runs.python")["arguments"]

    assert arguments["x-dead-letter-exchange"] == "runs.dlx"
    assert arguments["x-delivery-limit"] > 0


def test_the_collector_hears_of_starts_ends_and_retries_but_not_of_output(vhost: str) -> None:
    bindings = vhosts.manage_json(f"/api/queues/{vhost}/results.collector/bindings")

    keys = {each["routing_key"] for each in bindings if each["source"] == "results"}
    assert keys == {"execution.started", "execution.finished", "execution.retrying"}


@pytest.mark.parametrize("seconds", [2, 4, 8])
def test_a_delayed_request_comes_back_to_its_language(amqp_url: str, seconds: int) -> None:
    vhosts.publish(amqp_url, envelopes.delayed_run_request(REQUEST, seconds, None))

    ((properties, body),) = vhosts.take(amqp_url, "runs.python", 1)

    assert json.loads(body)["execution_id"] == str(REQUEST.execution_id)
    assert properties.headers["x-death"][0]["reason"] == "expired"


@pytest.mark.parametrize(
    ("message", "type_name"),
    [
        (envelopes.run_request(REQUEST, None), "run.requested.v1"),
        (
            envelopes.event(
                ExecutionStarted(
                    REQUEST.execution_id, REQUEST.session_id, 1, datetime.now(UTC), "r"
                ),
                None,
            ),
            "execution.started.v1",
        ),
    ],
    ids=["request", "event"],
)
def test_every_message_says_what_it_is_and_where_it_belongs(
    message: Envelope, type_name: str
) -> None:
    properties = message.properties()

    assert properties.content_type == "application/json"
    assert properties.type == type_name
    assert properties.message_id
    assert properties.correlation_id == str(REQUEST.execution_id)
    assert properties.delivery_mode == 2
    assert properties.headers["traceparent"].startswith("00-")
    assert json.loads(message.body)["execution_id"] == str(REQUEST.execution_id)


def test_names_are_what_others_were_told() -> None:
    assert (topology.RUNS, topology.RETRY, topology.DEAD_EXCHANGE) == (
        "runs",
        "runs.retry",
        "runs.dlx",
    )
    assert topology.run_queue("go") == "runs.go"
