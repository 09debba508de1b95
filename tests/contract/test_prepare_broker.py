"""How a broker is prepared that refuses, or has no management API."""

import threading
from dataclasses import replace

import pytest

from runlet_amqp import prepare_broker
from runlet_amqp.errors import BrokerUnavailableError
from runlet_amqp.policies import Policy, create_policies
from runlet_amqp.prepare_broker import MAX_REFUSALS, Attempts, Config, GaveUpError
from support.broker import vhosts


@pytest.fixture
def settings(amqp_url: str) -> Config:
    address = vhosts.management_of(amqp_url).url
    return Config(amqp_url=amqp_url, rabbitmq_management_address=address)


def test_a_policy_that_is_refused_is_tried_a_few_times_only(settings: Config) -> None:
    wrong = replace(create_policies()[0], definition={"delivery-limit": "many"})

    with pytest.raises(GaveUpError, match="delivery limit"):
        Attempts(settings, (wrong,)).run(threading.Event())


def test_a_broker_without_a_management_api_is_tried_a_few_times_only(settings: Config) -> None:
    without = replace(settings, rabbitmq_management_address="http://127.0.0.1:1")

    with pytest.raises(GaveUpError, match="RABBITMQ_MANAGEMENT_ADDRESS"):
        Attempts(without, create_policies()).run(threading.Event())


def test_a_broker_that_is_away_is_waited_for(
    settings: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = MAX_REFUSALS + 1

    def prepare(_settings: Config, _wanted: tuple[Policy, ...]) -> tuple[str, ...]:
        nonlocal left
        left -= 1
        if left:
            raise BrokerUnavailableError("away")
        return ("runs.go",)

    monkeypatch.setattr(prepare_broker, "prepare", prepare)
    assert Attempts(settings, ()).run(threading.Event()) == ("runs.go",)
