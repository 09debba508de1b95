"""The names, kinds and properties that others see on RabbitMQ."""

import json
import re
from dataclasses import replace
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
from runlet_amqp.policies import PREFIX, as_file, create_policies
from support.broker import vhosts
from support.deployments.server_containers import ROOT
from support.wait_until import eventually

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
    collected = {"runs.dead", "runs.dead.parked", "results.collector"}
    assert set(found) == languages | delays | callbacks | collected
    assert {each["type"] for each in found.values()} == {"quorum"}
    assert all(each["durable"] for each in found.values())


def test_nothing_that_could_change_is_an_argument_of_a_queue(vhost: str) -> None:
    found = vhosts.manage_json(f"/api/queues/{vhost}")

    assert all(each["arguments"] == {"x-queue-type": "quorum"} for each in found)


def limits_of_queues(vhost: str) -> dict[str, tuple[str, dict[str, object]]]:
    """The policy of each queue and what it says, once the broker has looked."""

    def look() -> dict[str, tuple[str, dict[str, object]]]:
        found = vhosts.manage_json(f"/api/queues/{vhost}")
        if not all("effective_policy_definition" in each for each in found):
            return {}
        return {
            each["name"]: (each["policy"], each["effective_policy_definition"]) for each in found
        }

    return eventually(look, 60)


def test_every_queue_has_the_limits_of_its_policy(vhost: str) -> None:
    limits = limits_of_queues(vhost)

    for policy in create_policies():
        queues = [name for name in limits if re.search(policy.pattern, name)]
        assert queues
        assert all(limits[name] == (policy.name, policy.definition) for name in queues)
    assert all(name.startswith(PREFIX) for name, _definition in limits.values())


def test_deployments_apply_the_policies_of_the_code() -> None:
    """Write it anew: PYTHONPATH=shared python -m runlet_amqp.policies."""
    assert (ROOT / "deploy/rabbitmq/policies.json").read_text() == as_file(create_policies())


def test_policies_of_an_older_version_go_and_those_of_an_operator_stay(amqp_url: str) -> None:
    management = vhosts.management_of(amqp_url)
    older = replace(create_policies()[0], name=f"{PREFIX}older")
    of_an_operator = replace(older, name="mine")
    management.apply_policies([older, of_an_operator])

    management.apply_policies(create_policies())

    names = {each["name"] for each in vhosts.manage_json(f"/api/policies/{management.vhost}")}
    assert names == {policy.name for policy in create_policies()} | {"mine"}


@pytest.mark.parametrize(
    ("queue", "dead_letters", "limit"),
    [
        ("runs.python", "runs.dead", 3),
        ("results.collector", "runs.dead", 100),
        ("runs.dead", "runs.dead.parked", 100),
        ("callbacks", "callbacks.dead", 100),
    ],
)
def test_what_fails_again_and_again_becomes_a_dead_letter_that_is_kept(
    amqp_url: str, queue: str, dead_letters: str, limit: int
) -> None:
    body = uuid4().bytes
    with vhosts.open_channel(amqp_url) as channel:
        channel.basic_publish("", queue, body)
        for _ in range(limit + 1):
            method, _properties, _body = next(channel.consume(queue, inactivity_timeout=60))
            channel.basic_nack(method.delivery_tag, requeue=True)

    [(properties, dead)] = vhosts.take(amqp_url, dead_letters, 1)
    assert dead == body
    assert properties.headers["x-first-death-queue"] == queue
    assert vhosts.depth(amqp_url, queue) == 0


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
    assert properties.headers["x-first-death-queue"] == f"runs.retry.{seconds}s"


def test_a_request_that_was_delayed_before_there_were_policies_comes_back_under_them(
    amqp_url: str,
) -> None:
    management = vhosts.management_of(amqp_url)
    management.apply_policies([])
    vhosts.publish(amqp_url, envelopes.delayed_run_request(REQUEST, 8, None))
    vhosts.apply_policies(amqp_url)

    ((properties, _body),) = vhosts.take(amqp_url, "runs.python", 1)

    assert properties.correlation_id == str(REQUEST.execution_id)
    assert properties.expiration is None


@pytest.mark.parametrize("seconds", [2, 4, 8])
def test_a_delayed_request_waits_in_one_queue(amqp_url: str, seconds: int) -> None:
    with vhosts.open_channel(amqp_url) as channel:
        channel.queue_unbind("runs.python", "runs", "python")
        message = envelopes.delayed_run_request(REQUEST, seconds, None)
        channel.basic_publish(
            message.exchange, message.routing_key, message.body, message.properties()
        )
        waiting = {
            delay: channel.queue_declare(f"runs.retry.{delay}s", passive=True).method.message_count
            for delay in (2, 4, 8)
        }

    assert waiting == {2: 0, 4: 0, 8: 0} | {seconds: 1}


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
