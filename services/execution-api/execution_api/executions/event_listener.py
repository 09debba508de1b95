"""Receives the events of executions, and notifies those who wait for them."""

from typing import Any

import msgspec

from execution_api.executions.missed_event_poller import MissedEventPoller
from execution_api.executions.waiters import WaiterRegistry
from execution_api.streaming.output_buffer import OutputBuffer
from runlet import topology
from runlet.messages import ExecutionEnded, Message
from runlet_amqp.declaration import Topology
from runlet_amqp.settings import BrokerSettings
from runlet_amqp.subscriber import Binding, Subscriber
from runlet_postgres.execution_rows import result_values

# Ends come from the collector, once they are stored; the rest directly from the runners.
BINDINGS = (
    Binding(topology.ENDED),
    Binding(topology.RESULTS, topology.STARTED),
    Binding(topology.RESULTS, topology.OUTPUT),
    Binding(topology.RESULTS, topology.RETRYING),
)


def create_listener(
    broker: BrokerSettings,
    name: str,
    wanted: Topology,
    waiters: WaiterRegistry,
    output: OutputBuffer,
    poller: MissedEventPoller,
) -> Subscriber:
    """A subscriber that answers waiters with what the collector stored, and keeps what runs print.

    What is missed while the connection is away, the poller makes up for.
    """

    def on_message(message: Message) -> None:
        if not isinstance(message, ExecutionEnded):
            output.receive(message)
            return
        output.discard(message.execution_id)
        # Before those who wait are notified: a waiter that comes in between reads it.
        waiters.clear_pending(message.execution_id)
        if waiters.has_waiters(message.execution_id):
            waiters.notify_finished(message.execution_id, as_row(message))

    def on_connection(connected: bool) -> None:
        waiters.listening = connected
        poller.wake()

    return Subscriber(broker, name, wanted, BINDINGS, on_message, on_connection)


def as_row(ended: ExecutionEnded) -> dict[str, Any]:
    """The execution as the repository reads it."""
    return {
        **vars(ended),
        **result_values(ended.result),
        "id": ended.execution_id,
        "limits": msgspec.to_builtins(ended.limits),
        "feedback": msgspec.to_builtins(ended.feedback),
    }
