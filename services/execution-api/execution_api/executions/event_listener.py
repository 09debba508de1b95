"""Hearing what becomes of executions, and telling those who wait for it."""

import dataclasses
from typing import Any

import msgspec

from execution_api.executions.missed_event_poller import LookOut
from execution_api.executions.waiters import Waiters
from execution_api.streaming.output_buffer import LiveOutput
from runlet import topology
from runlet.messages import ExecutionEnded, Message
from runlet_amqp.declaration import Topology
from runlet_amqp.settings import BrokerSettings
from runlet_amqp.subscriber import Binding, Subscriber

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
    waiters: Waiters,
    live: LiveOutput,
    look_out: LookOut,
) -> Subscriber:
    """A subscriber that answers waiters with what the collector stored, and keeps live output.

    What is missed while the connection is away, the look-out makes up for.
    """

    def on_message(message: Message) -> None:
        if not isinstance(message, ExecutionEnded):
            live.hear(message)
            return
        live.forget(message.execution_id)
        # Before those who wait are told: who comes in between reads it.
        waiters.cease_to_expect(message.execution_id)
        if waiters.is_awaited(message.execution_id):
            waiters.announce_end(message.execution_id, as_row(message))

    def on_connection(connected: bool) -> None:
        waiters.listening = connected
        look_out.call()

    return Subscriber(broker, name, wanted, BINDINGS, on_message, on_connection)


def as_row(ended: ExecutionEnded) -> dict[str, Any]:
    """The execution as the repository reads it."""
    values = vars(ended) | vars(ended.result)
    del values["result"], values["execution_id"]
    compiled = ended.result.compile
    return {
        **values,
        "id": ended.execution_id,
        "limits": msgspec.to_builtins(ended.limits),
        "feedback": msgspec.to_builtins(ended.feedback),
        "compile": compiled and dataclasses.asdict(compiled),
    }
