"""What cannot be run, and events that cannot be understood: kept for people to look at."""

import hashlib
from dataclasses import dataclass
from uuid import NAMESPACE_OID, UUID, uuid5

import msgspec

from result_collector.ingest.text_sanitizer import storable
from runlet import messages, topology
from runlet.messages import InvalidMessageError, RunRequested
from runlet_amqp.consumer import Delivery

INVALID_EVENT = "invalid_event"
REJECTED = "rejected"
DELIVERY_LIMIT = "delivery_limit"
# Where the broker notes which queue a dead letter comes from.
FIRST_DEATH_QUEUE = "x-first-death-queue"
CAUSES = (REJECTED, DELIVERY_LIMIT, INVALID_EVENT)

# Whatever a message claims, the number fits its column.
_MOST_ATTEMPTS = 1_000_000


@dataclass(frozen=True)
class _Numbered:
    attempt: int = 1


@dataclass(frozen=True)
class DeadLetter:
    """A message that was given up; `attempts` is the last attempt that it stands for.

    `cause` is a word for metrics, `reason` is for people. The id follows from the message, so
    that the same message delivered twice makes one row.
    """

    id: UUID
    execution_id: UUID | None
    cause: str
    reason: str
    attempts: int
    type: str
    body: bytes


def is_event(delivery: Delivery) -> bool:
    """Whether a dead letter is an event that the collector did not get stored, and no request.

    The broker gave it up after too many deliveries, which other events on the same connections may
    have brought about; it is still to be stored.
    """
    return delivery.headers.get(FIRST_DEATH_QUEUE) == topology.RESULTS_QUEUE


def from_request(delivery: Delivery) -> DeadLetter:
    """A run request that no runner could run, out of the queue of dead letters."""
    request = _request(delivery)
    execution_id = request.execution_id if request else _correlated(delivery)
    attempts = _attempt(delivery.body)
    written = delivery.headers.get(topology.REASON_HEADER)
    if isinstance(written, str):
        return _letter(delivery, execution_id, REJECTED, written, attempts)
    if _death_reason(delivery) == DELIVERY_LIMIT:
        # The first delivery, and as many again as the limit allows.
        attempts += topology.DELIVERY_LIMIT
        reason = f"The run ended its runners {topology.DELIVERY_LIMIT + 1} times and was given up."
        return _letter(delivery, execution_id, DELIVERY_LIMIT, reason, attempts)
    return _letter(delivery, execution_id, REJECTED, "The broker gave the request up.", attempts)


def from_event(delivery: Delivery) -> DeadLetter:
    """An event that cannot be stored."""
    return _letter(delivery, _correlated(delivery), INVALID_EVENT, INVALID_EVENT, 1)


def _letter(
    delivery: Delivery, execution_id: UUID | None, cause: str, reason: str, attempts: int
) -> DeadLetter:
    type_name = str(delivery.type or "")
    identity = hashlib.sha256(f"{type_name} {delivery.correlation_id} {reason} ".encode())
    identity.update(delivery.body)
    return DeadLetter(
        id=uuid5(NAMESPACE_OID, identity.hexdigest()),
        execution_id=execution_id,
        cause=cause,
        reason=storable(reason),
        attempts=attempts,
        type=storable(type_name),
        body=delivery.body,
    )


def _request(delivery: Delivery) -> RunRequested | None:
    try:
        message = messages.decode(delivery.type, delivery.body)
    except InvalidMessageError:
        return None
    return message if isinstance(message, RunRequested) else None


def _attempt(body: bytes) -> int:
    """The attempt that a request of any version starts; 1 when it does not say."""
    try:
        attempt = msgspec.json.decode(body, type=_Numbered).attempt
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return 1
    return max(1, min(attempt, _MOST_ATTEMPTS))


def _correlated(delivery: Delivery) -> UUID | None:
    try:
        return UUID(str(delivery.correlation_id))
    except ValueError:
        return None


def _death_reason(delivery: Delivery) -> object:
    """The latest entry of the header in which the broker notes dead-lettering."""
    deaths = delivery.headers.get("x-death")
    latest = deaths[0] if isinstance(deaths, list) and deaths else None
    return latest.get("reason") if isinstance(latest, dict) else None
