"""A message ready to be published: routing, type and trace around a body."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID

import pika

from runlet import messages, topology
from runlet_telemetry.trace_context import child_of

PERSISTENT = 2

_ROUTING_KEYS: dict[type[messages.Event], str] = {
    messages.ExecutionStarted: topology.STARTED,
    messages.ExecutionFinished: topology.FINISHED,
    messages.ExecutionRetrying: topology.RETRYING,
}


@dataclass(frozen=True)
class Envelope:
    """One message and where it goes; `is_step` says that publishing it is a step of its trace.

    After `expiration_ms` in a queue the broker takes it out, and dead-letters it where the queue's
    policy says so.
    """

    exchange: str
    routing_key: str
    type: str
    body: bytes
    execution_id: str
    traceparent: str | None = None
    headers: Mapping[str, object] = field(default_factory=dict)
    must_route: bool = True
    is_step: bool = True
    expiration_ms: int | None = None

    def properties(self) -> pika.BasicProperties:
        """The AMQP properties the contract names."""
        return pika.BasicProperties(
            content_type="application/json",
            type=self.type,
            message_id=str(UUID(int=random.getrandbits(128), version=4)),
            correlation_id=self.execution_id,
            delivery_mode=PERSISTENT,
            timestamp=int(datetime.now(UTC).timestamp()),
            expiration=None if self.expiration_ms is None else str(self.expiration_ms),
            headers={**self.headers, "traceparent": self.traceparent or child_of(None)},
        )


def run_request(request: messages.RunRequested, traceparent: str | None) -> Envelope:
    """A request on its way to the runners of its language."""
    return _message(topology.RUNS, request.language, request, request.execution_id, traceparent)


def delayed_run_request(
    request: messages.RunRequested, seconds: int, traceparent: str | None
) -> Envelope:
    """A request that reaches the runners again after `seconds`, one of RETRY_DELAYS_SECONDS."""
    headers = {topology.DELAY_HEADER: seconds}
    message = _message(
        topology.RETRY, request.language, request, request.execution_id, traceparent, headers
    )
    return _expiring(message, seconds)


def event(occurred: messages.Event, traceparent: str | None) -> Envelope:
    """An event for those who listen to results."""
    routing_key = _ROUTING_KEYS[type(occurred)]
    return _message(topology.RESULTS, routing_key, occurred, occurred.execution_id, traceparent)


def output(printed: messages.ExecutionOutput, traceparent: str | None) -> Envelope:
    """Output of a running program, for those who keep it for readers; there may be none."""
    message = _message(
        topology.RESULTS, topology.OUTPUT, printed, printed.execution_id, traceparent
    )
    return replace(message, must_route=False, is_step=False)


def ended(execution: messages.ExecutionEnded, traceparent: str | None) -> Envelope:
    """A terminal execution, for those who wait for it; there may be none."""
    message = _message(topology.ENDED, "", execution, execution.execution_id, traceparent)
    return replace(message, must_route=False)


def cancellation(cancel: messages.CancelRequested, traceparent: str | None) -> Envelope:
    """A cancellation, for every runner there is; there may be none."""
    message = _message(topology.CONTROL, "", cancel, cancel.execution_id, traceparent)
    return replace(message, must_route=False)


def callback(
    request: messages.CallbackRequested,
    traceparent: str | None,
    delay_seconds: float | None = None,
) -> Envelope:
    """A callback to be sent now, or after a delay that has a queue."""
    key = topology.CALLBACK_DUE
    if delay_seconds is not None:
        key = topology.callback_retry(delay_seconds)
    message = _message(topology.CALLBACKS, key, request, request.execution_id, traceparent)
    return message if delay_seconds is None else _expiring(message, delay_seconds)


def dead_callback(
    request: messages.CallbackRequested, reason: str, traceparent: str | None
) -> Envelope:
    """A callback that was given up, with the reason in a header."""
    headers = {topology.REASON_HEADER: reason}
    key = topology.CALLBACK_DEAD
    return _message(topology.CALLBACKS, key, request, request.execution_id, traceparent, headers)


def dead_letter(
    type_name: str | None,
    body: bytes,
    execution_id: str | None,
    reason: str,
    traceparent: str | None,
) -> Envelope:
    """What cannot be run, as it came, with the reason in a header."""
    return Envelope(
        exchange=topology.DEAD_EXCHANGE,
        routing_key="",
        type=type_name or "",
        body=body,
        execution_id=execution_id or "",
        traceparent=traceparent,
        headers={topology.REASON_HEADER: reason},
    )


def _expiring(message: Envelope, seconds: float) -> Envelope:
    """The same with its delay in itself.

    What is published into a delay queue that has no policy yet would stay for ever: a policy's TTL
    holds for what comes after it.
    """
    return replace(message, expiration_ms=int(seconds * 1000))


def _message(
    exchange: str,
    routing_key: str,
    message: messages.Message,
    execution_id: UUID,
    traceparent: str | None,
    headers: Mapping[str, object] | None = None,
) -> Envelope:
    return Envelope(
        exchange=exchange,
        routing_key=routing_key,
        type=messages.TYPE_NAMES[type(message)],
        body=messages.encode(message),
        execution_id=str(execution_id),
        traceparent=traceparent,
        headers=headers or {},
    )
