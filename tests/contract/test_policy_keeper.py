"""The policies come back wherever the broker has lost them, without anybody's doing."""

from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from runlet_amqp import policy_keeper
from runlet_amqp.management import Management
from runlet_amqp.policies import create_policies
from runlet_amqp.policy_keeper import PolicyKeeper
from support.broker import vhosts
from support.loops import supervised
from support.wait_until import eventually

WANTED = {policy.name for policy in create_policies()}


@pytest.fixture
def management(amqp_url: str) -> Management:
    return vhosts.management_of(amqp_url)


def names(management: Management) -> set[str]:
    return {each["name"] for each in vhosts.manage_json(f"/api/policies/{management.vhost}")}


def test_policies_that_are_lost_while_it_runs_are_applied_again(
    management: Management, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy_keeper, "EVERY_SECONDS", 0.1)
    management.apply_policies([])
    assert not names(management)
    with supervised(PolicyKeeper(management, create_policies()).loop()):
        eventually(lambda: names(management) == WANTED, 60)
        management.apply_policies([])
        eventually(lambda: names(management) == WANTED, 60)


def test_policies_that_hold_are_left_alone(
    management: Management, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[str] = []
    call = Management._call

    def note(self: Management, method: str, path: str, body: object = None) -> object:
        called.append(method)
        return call(self, method, path, body)  # type: ignore[arg-type]

    monkeypatch.setattr(Management, "_call", note)
    PolicyKeeper(management, create_policies()).turn()
    assert called == ["GET"]


def test_a_policy_that_was_changed_is_put_right(management: Management) -> None:
    first, *_others = create_policies()
    management.apply_policies([replace(first, definition={"delivery-limit": 7})])

    PolicyKeeper(management, [first]).turn()

    [found] = vhosts.manage_json(f"/api/policies/{management.vhost}")
    assert found["definition"] == first.definition


def test_a_refusal_is_logged_once_and_its_end_as_well(management: Management) -> None:
    refused = replace(management, password="wrong")
    keeper = PolicyKeeper(refused, create_policies())
    with capture_logs() as logs:
        keeper.turn()
        keeper.turn()
        keeper._management = management
        keeper.turn()
    told = [(each["event"], each["log_level"]) for each in logs]
    assert told == [("policies_not_applied", "error"), ("policies_applied", "info")]
