"""The broker's limits as policies, which an operator and an upgrade can change at any time.

`python -m runlet_amqp.policies > deploy/rabbitmq/policies.json` writes the file that each
deployment applies: https://www.rabbitmq.com/docs/policies.
"""

import json
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from runlet import topology

# Those of the file that are not in it any more are removed by its next version.
PREFIX = "runlet."

# Dead-lettering with confirms: the source keeps a message until its target has it.
_AT_LEAST_ONCE = {"dead-letter-strategy": "at-least-once", "overflow": "reject-publish"}
_DEAD_LETTERS = {**_AT_LEAST_ONCE, "dead-letter-exchange": topology.DEAD_EXCHANGE}
_DEFAULT_EXCHANGE = ""
# Those of all languages, also of ones that come later.
_RUN_QUEUES = r"runs\.(?!dead$)[^.]+"
# RabbitMQ 4 drops a message after 20 deliveries where no policy says otherwise, and each look at
# a queue by hand is one.
_UNLIMITED = 1_000_000


@dataclass(frozen=True)
class Policy:
    """What holds for the queues whose whole name `pattern` matches; one policy for each queue."""

    name: str
    pattern: str
    definition: Mapping[str, Any]

    def as_definition(self) -> dict[str, Any]:
        """As RabbitMQ's definitions and its management API have it, but for the virtual host."""
        return {
            "name": self.name,
            "pattern": self.pattern,
            "apply-to": "queues",
            "priority": 0,
            "definition": dict(self.definition),
        }


def create_policies(
    callback_delays_seconds: Iterable[float] = topology.CALLBACK_DELAYS_SECONDS,
) -> tuple[Policy, ...]:
    """A policy for each durable queue of the topology."""
    return (
        _policy("runs", _RUN_QUEUES, {**_DEAD_LETTERS, "delivery-limit": topology.DELIVERY_LIMIT}),
        *(_retry(seconds) for seconds in topology.RETRY_DELAYS_SECONDS),
        _for_queue(
            topology.RESULTS_QUEUE,
            {**_DEAD_LETTERS, "delivery-limit": topology.COLLECTOR_DELIVERY_LIMIT},
        ),
        _for_queue(
            topology.DEAD_QUEUE,
            {
                **_AT_LEAST_ONCE,
                "delivery-limit": topology.COLLECTOR_DELIVERY_LIMIT,
                "dead-letter-exchange": _DEFAULT_EXCHANGE,
                "dead-letter-routing-key": topology.PARKED_QUEUE,
            },
        ),
        _for_queue(topology.PARKED_QUEUE, {"delivery-limit": _UNLIMITED}),
        _for_queue(
            topology.CALLBACKS_QUEUE,
            {
                **_AT_LEAST_ONCE,
                "delivery-limit": topology.COLLECTOR_DELIVERY_LIMIT,
                "dead-letter-exchange": topology.CALLBACKS,
                "dead-letter-routing-key": topology.CALLBACK_DEAD,
            },
        ),
        _for_queue(
            topology.CALLBACKS_DEAD_QUEUE,
            {"max-length": topology.MAX_DEAD_CALLBACKS, "delivery-limit": _UNLIMITED},
        ),
        *(_callback_retry(seconds) for seconds in callback_delays_seconds),
    )


def as_file(policies: Iterable[Policy]) -> str:
    """The text of deploy/rabbitmq/policies.json."""
    definitions = {"policies": [policy.as_definition() for policy in policies]}
    return json.dumps(definitions, indent=2) + "\n"


def read_file(text: str) -> tuple[Policy, ...]:
    """The policies of such a file. Raises ValueError and KeyError for what is none."""
    return tuple(
        Policy(each["name"], each["pattern"], each["definition"])
        for each in json.loads(text)["policies"]
    )


def _retry(seconds: int) -> Policy:
    queue = topology.retry_queue(seconds)
    return _for_queue(queue, _delay(seconds, {"dead-letter-exchange": topology.RUNS}))


def _callback_retry(seconds: float) -> Policy:
    target = {
        "dead-letter-exchange": topology.CALLBACKS,
        "dead-letter-routing-key": topology.CALLBACK_DUE,
    }
    return _for_queue(topology.callback_retry_queue(seconds), _delay(seconds, target))


def _delay(seconds: float, target: Mapping[str, str]) -> Mapping[str, Any]:
    return {
        **_AT_LEAST_ONCE,
        **target,
        "message-ttl": int(seconds * 1000),
        "delivery-limit": _UNLIMITED,
    }


def _for_queue(queue: str, definition: Mapping[str, Any]) -> Policy:
    return _policy(queue, re.escape(queue), definition)


def _policy(name: str, pattern: str, definition: Mapping[str, Any]) -> Policy:
    return Policy(PREFIX + name, f"^{pattern}$", definition)


if __name__ == "__main__":
    sys.stdout.write(as_file(create_policies()))
