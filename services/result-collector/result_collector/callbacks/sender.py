"""From a callback that is due to the receiver's answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from result_collector.callbacks import delivery_result, document
from result_collector.callbacks.delivery_result import DeliveryResult, UnreachableError
from result_collector.callbacks.post import HttpPost
from result_collector.callbacks.receiver_dns import ReceiverResolver
from result_collector.callbacks.signing import Signer
from runlet.callback_hosts import AllowedHosts
from runlet.callback_urls import CallbackUrlError
from runlet_telemetry import tracing
from runlet_telemetry.tracing import Kind

SWITCHED_OFF = "Callbacks have been switched off here since this run was accepted."


@dataclass(frozen=True)
class Attempt:
    """An attempt that was begun; `row` is the execution as it is stored."""

    execution_id: UUID
    number: int
    first: int
    at: datetime
    url: str
    row: Mapping[str, Any]


class Sends(Protocol):
    """Where attempts are made."""

    def send(self, attempt: Attempt) -> DeliveryResult:
        """Make an attempt."""
        ...


@dataclass(frozen=True)
class Sender:
    """Calls receivers back over HTTP."""

    allowed: AllowedHosts
    resolver: ReceiverResolver
    post: HttpPost
    signer: Signer

    def send(self, attempt: Attempt) -> DeliveryResult:
        """POST the execution to its receiver."""
        if not self.allowed:
            return delivery_result.no_answer(SWITCHED_OFF)
        try:
            return delivery_result.from_status(self._post(attempt))
        except (UnreachableError, CallbackUrlError) as error:
            return delivery_result.no_answer(str(error))

    def _post(self, attempt: Attempt) -> int:
        # The list may be another one than when the run was accepted.
        receiver = self.allowed.receiver(attempt.url)
        addresses = self.resolver.addresses_of(receiver)
        body = document.encode(attempt.row)
        headers = self.signer.headers(attempt.execution_id, attempt.number, attempt.at, body)
        with tracing.step("POST", Kind.CLIENT, {"server.address": receiver.url.host}) as span:
            traced = {**headers, "traceparent": span.traceparent}
            status = self.post.send(receiver.url, addresses, traced, body)
            span.note({"http.response.status_code": status})
            return status
