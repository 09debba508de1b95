"""A result collector that runs beside a test."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from result_collector.bootstrap import Outside, create_collector
from result_collector.collector import Collector
from result_collector.config import Config
from runlet.lifecycle import StopSignal
from runlet_telemetry.supervision import Supervisor
from support.threads import running

OUTSIDE = Outside()


@contextmanager
def running_collector(
    database_url: str, amqp_url: str, outside: Outside = OUTSIDE, **settings: Any
) -> Iterator[Collector]:
    """A collector at work; it has stopped in good order when the block is left."""
    config = Config(database_url=database_url, amqp_url=amqp_url, **settings)
    stop = StopSignal()
    supervisor = Supervisor(give_up=lambda _reason: stop.set())
    collector = create_collector(config, stop, 0, outside, supervisor)
    with running(collector.run, collector.stop):
        yield collector
