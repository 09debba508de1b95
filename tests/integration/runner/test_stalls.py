"""What stalls around a program is not the program's doing, and costs it no wrong result."""

import dataclasses
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from runlet import messages
from runlet.execution import Status
from runlet.limits import Limits
from runlet.messages import ExecutionFinished
from runlet_amqp import envelopes
from runner.sandbox.cancellation_token import CancellationToken
from runner.sandbox.interface import Placement
from support.broker import vhosts
from support.frozen import freeze
from support.sandboxes.engine_proxy import running_proxy
from support.sandboxes.observers import Observer
from support.sandboxes.runners import run_request, running_runner
from support.sandboxes.sandboxes import DEFAULT_LIMITS, TestBed, open_test_bed
from support.wait_until import eventually

NAP = "import time\ntime.sleep(1)\nprint('done')"
# Leaves time to freeze the proxy meanwhile.
LONG_NAP = "import time\ntime.sleep(8)\nprint('done')"
LIMITS = dataclasses.replace(DEFAULT_LIMITS, time_limit_ms=5000)
# With what the program sleeps longer than the limit, and shorter than the limit and the grace.
PAUSE_SECONDS = 5.0
SLEEPING = "import time\ntime.sleep(3)\nprint('done')"


@pytest.fixture(scope="module")
def bed() -> Iterator[TestBed]:
    with open_test_bed(1) as bed:
        yield bed


def test_the_time_that_a_container_was_frozen_is_not_the_programs(bed: TestBed) -> None:
    api = bed.pool.client.api
    thaws: list[threading.Timer] = []

    def freeze_for_a_while(placement: Placement) -> None:
        freeze(api, placement.container)
        thaws.append(threading.Timer(PAUSE_SECONDS, api.unpause, [placement.container]))
        thaws[-1].start()

    observer = Observer(on_running=freeze_for_a_while)
    outcome = bed.run_observed(SLEEPING, LIMITS, observer, CancellationToken())

    thaws[0].join()
    assert (outcome.reason, outcome.result.stdout) == (None, "done\n")
    assert outcome.result.execution_time_ms is not None
    assert outcome.result.execution_time_ms < LIMITS.time_limit_ms


def test_a_frozen_engine_proxy_gives_right_results_after_the_thaw_and_costs_little(
    amqp_url: str, tmp_path: Path
) -> None:
    limits = Limits(time_limit_ms=10_000, memory_limit_mb=128, output_limit_bytes=65_536)
    running = dataclasses.replace(run_request(LONG_NAP), limits=limits)
    waiting = [dataclasses.replace(run_request(NAP), limits=limits) for _ in range(3)]
    with (
        running_proxy(tmp_path) as proxy,
        running_runner(amqp_url, engine_url=proxy.url) as runner,
    ):
        vhosts.publish(amqp_url, envelopes.run_request(running, None))
        (started,) = runner.events(1)
        assert isinstance(started, messages.ExecutionStarted)
        proxy.container.pause()
        eventually(lambda: not runner.runner.probe.wait_until_available(0))
        vhosts.publish(amqp_url, *(envelopes.run_request(each, None) for each in waiting))
        # The attempt that ran cannot report, and is given up.
        (retrying,) = runner.events(1)
        proxy.container.unpause()
        ended = [runner.finished() for _ in range(4)]

    assert isinstance(retrying, messages.ExecutionRetrying)
    attempts = {event.execution_id: event.attempt for event in ended}
    assert all(isinstance(event, ExecutionFinished) for event in ended)
    assert [event.status for event in ended] == [Status.COMPLETED] * 4
    assert attempts == {running.execution_id: 2, **{each.execution_id: 1 for each in waiting}}
