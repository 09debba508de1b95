"""An execution with a callback, a receiver for it, and a collector that brings them together."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from typing import Any
from uuid import UUID

from result_collector.bootstrap import Outside
from result_collector.callbacks.receiver_dns import Resolve
from result_collector.callbacks.retry_schedule import RetrySchedule
from result_collector.collector import Collector
from runlet.callback_urls import IPAddress
from runlet.messages import RunRequested
from runlet_amqp import envelopes
from support.broker import vhosts
from support.broker.collectors import running_collector
from support.databases.event_factory import finished
from support.databases.executions import ExecutionsDatabase
from support.http.receivers import CallbackReceiver
from support.wait_until import eventually

SECRET = "a secret that receivers know"
HOST = "hooks.example.com"
DELAYS = (0.01, 0.02)


def to_loopback(_host: str, _port: int) -> list[IPAddress]:
    """A resolver that sends everything to this machine."""
    return [ip_address("127.0.0.1")]


@dataclass(frozen=True)
class Scene:
    """What a test of callbacks works with."""

    database: ExecutionsDatabase
    amqp_url: str
    receiver: CallbackReceiver

    @property
    def url(self) -> str:
        """Where the receiver listens, under a name that only tests resolve."""
        return f"http://{HOST}:{self.receiver.port}/path?token=hidden"

    @property
    def allowed(self) -> str:
        """The entry that lets callbacks go there."""
        return f"{HOST}:{self.receiver.port}!private"

    def add(self) -> RunRequested:
        """A queued execution with a callback."""
        return self.database.ask_for_callback(self.database.add(), self.url)

    def end(self, *requests: RunRequested, **result: Any) -> None:
        """Tell the collector that executions have ended."""
        events = [envelopes.event(finished(request, **result), None) for request in requests]
        vhosts.publish(self.amqp_url, *events)

    def status(self, execution_id: UUID) -> str | None:
        """The status of a callback."""
        row = self.database.callback(execution_id)
        return None if row is None else row["status"]

    def wait_for(self, status: str, *requests: RunRequested) -> None:
        """Wait until these callbacks have this status."""
        eventually(lambda: all(self.status(r.execution_id) == status for r in requests))

    @contextmanager
    def collector(
        self,
        resolve: Resolve = to_loopback,
        delays: Sequence[float] = DELAYS,
        quiet_seconds: float = 60,
        **settings: Any,
    ) -> Iterator[Collector]:
        """A collector that sends callbacks, and tries soon again."""
        vhosts.apply_policies(self.amqp_url, delays)
        schedule = RetrySchedule(
            delays_seconds=tuple(delays),
            quiet=timedelta(seconds=quiet_seconds),
            sweep_seconds=0.05,
        )
        outside = Outside(resolve=resolve, schedule=schedule)
        chosen = {
            "callback_allowed_hosts": self.allowed,
            "callback_secret": SECRET,
            **settings,
        }
        with running_collector(self.database.url, self.amqp_url, outside, **chosen) as running:
            yield running


@dataclass
class Resolver:
    """Gives one answer after the other, and the last one for ever."""

    answers: list[str]
    asked: list[str] = field(default_factory=list)

    def __call__(self, host: str, _port: int) -> list[IPAddress]:
        self.asked.append(host)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [ip_address(answer)]
