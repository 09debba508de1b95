"""Hearing of ended executions, and telling those who wait for them."""

import dataclasses
from typing import Any

import msgspec

from execution_api.waiting import Waiters
from runlet.broker import topology
from runlet.broker.publisher import Declare
from runlet.broker.subscriber import Subscriber
from runlet.messages import ExecutionEnded, Message


def create_listener(url: str, name: str, declare: Declare, waiters: Waiters) -> Subscriber:
    """A subscriber that answers waiters with what the collector stored.

    What is missed while the connection is away is made up for by waking everybody.
    """

    def on_message(message: Message) -> None:
        if isinstance(message, ExecutionEnded):
            execution_id = str(message.execution_id)
            if waiters.is_awaited(execution_id):
                waiters.announce_end(execution_id, as_row(message))

    def on_connection(connected: bool) -> None:
        waiters.listening = connected
        waiters.announce_gap()

    return Subscriber(url, name, declare, topology.ENDINGS, on_message, on_connection)


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
