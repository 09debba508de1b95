"""Signatures, answers and delays of callbacks."""

import hashlib
import hmac
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from result_collector.callbacks import delivery_result
from result_collector.callbacks.retry_schedule import RetrySchedule
from result_collector.callbacks.signing import Signer
from result_collector.config import Config
from runlet import topology
from runlet.config import ConfigError

SECRET = "a secret that receivers know"


def is_genuine(headers: dict[str, str], body: bytes) -> bool:
    """What a receiver does."""
    signed = headers["X-Runlet-Timestamp"].encode() + b"." + body
    expected = "sha256=" + hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, headers["X-Runlet-Signature"])


def test_a_receiver_can_tell_a_genuine_callback() -> None:
    execution_id, at = uuid4(), datetime(2030, 1, 1, tzinfo=UTC)
    headers = Signer(SECRET).headers(execution_id, 3, at, b'{"status": "COMPLETED"}')
    assert headers["X-Runlet-Execution"] == str(execution_id)
    assert headers["X-Runlet-Attempt"] == "3"
    assert headers["X-Runlet-Timestamp"] == "1893456000"
    assert is_genuine(headers, b'{"status": "COMPLETED"}')
    assert not is_genuine(headers, b'{"status": "FAILED"}')
    assert not is_genuine({**headers, "X-Runlet-Timestamp": "1893456001"}, b"")


def test_the_signature_is_what_the_documents_say() -> None:
    headers = Signer("key").headers(uuid4(), 1, datetime.fromtimestamp(17, UTC), b"{}")
    assert headers["X-Runlet-Signature"] == (
        "sha256=" + hmac.new(b"key", b"17.{}", hashlib.sha256).hexdigest()
    )


def test_the_secret_is_not_shown() -> None:
    assert SECRET not in repr(Signer(SECRET))


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_success_is_any_2xx(status: int) -> None:
    assert delivery_result.from_status(status).problem is None


@pytest.mark.parametrize("status", [100, 300, 301, 302, 307, 400, 401, 404, 429, 500, 503])
def test_everything_else_is_a_failure_that_is_tried_again(status: int) -> None:
    answer = delivery_result.from_status(status)
    assert answer.problem is not None
    assert str(status) in answer.problem
    assert not answer.final


def test_gone_is_final() -> None:
    assert delivery_result.from_status(410).final


def test_redirects_are_said_not_to_be_followed() -> None:
    assert "not followed" in str(delivery_result.from_status(302).problem)


def test_delays_follow_one_another_until_none_is_left() -> None:
    schedule = RetrySchedule(delays_seconds=(2, 10))
    assert [schedule.delay_after(failed) for failed in (1, 2, 3, 4)] == [2, 10, None, None]
    assert schedule.most_attempts == 3


def test_the_delays_are_those_that_have_queues() -> None:
    assert (
        RetrySchedule().delays_seconds == topology.CALLBACK_DELAYS_SECONDS == (2, 10, 60, 300, 1800)
    )


def config(**settings: str) -> Config:
    """A collector's settings."""
    return Config(database_url="x", amqp_url="amqp://mq", **settings)  # type: ignore[arg-type]


def test_without_hosts_no_secret_is_asked_for() -> None:
    assert not config().callback_receivers()


@pytest.mark.parametrize("secret", ["", "short", "x" * 15])
def test_with_hosts_a_secret_is_needed(secret: str) -> None:
    with pytest.raises(ConfigError, match="CALLBACK_SECRET") as refused:
        config(callback_allowed_hosts="h", callback_secret=secret).callback_receivers()
    assert "short" not in str(refused.value)


def test_hosts_and_a_secret_are_enough() -> None:
    settings = config(callback_allowed_hosts="h", callback_secret="x" * 16)
    assert settings.callback_receivers()
    assert "x" * 16 not in repr(settings)
