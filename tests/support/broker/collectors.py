"""A result collector that runs beside a test."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from result_collector.bootstrap import Outside, create_collector
from result_collector.collector import Collector
from result_collector.config import Config
from runlet.lifecycle import StopSignal
from support.threads import running

OUTSIDE = Outside()


@contextmanager
def running_collector(
    database_url: str, amqp_url: str, outside: Outside = OUTSIDE, **settings: Any
) -> Iterator[Collector]:
    """A collector at work; it has stopped in good order when the block is left."""
    config = Config(database_url=database_url, amqp_url=amqp_url, **settings)
    collector = create_collector(config, StopSignal(), ops_port=0, outside=outside)
    with running(collector.run, collector.stop):
        yield collector
