"""A runner between a real broker and a real engine."""

from datetime import UTC, datetime

from runlet import topology
from runlet.execution import Status
from runlet.messages import CancelRequested, ExecutionFinished, ExecutionStarted
from runlet_amqp import envelopes
from support.broker import vhosts
from support.sandboxes.runners import run_request, running_runner
from support.wait_until import eventually

SLEEP_SECONDS = 15
SLEEPER = f"import time\nprint('so far', flush=True)\ntime.sleep({SLEEP_SECONDS})"
NAP = "import time\ntime.sleep(1)\nprint('done')"


def test_a_cancellation_on_the_control_exchange_ends_a_run(amqp_url: str) -> None:
    request = run_request(SLEEPER)
    with running_runner(amqp_url) as runner:
        vhosts.publish(amqp_url, envelopes.run_request(request, None))
        (started,) = runner.events(1)
        cancel = CancelRequested(request.execution_id, datetime.now(UTC))
        vhosts.publish(amqp_url, envelopes.cancellation(cancel, None))
        (finished,) = runner.events(1)

    assert isinstance(started, ExecutionStarted)
    assert isinstance(finished, ExecutionFinished)
    assert (finished.status, finished.attempt) == (Status.CANCELLED, 1)
    assert (finished.finished_at - started.started_at).total_seconds() < SLEEP_SECONDS
    assert vhosts.depth(amqp_url, topology.run_queue("python")) == 0


def test_a_runner_that_is_stopped_finishes_what_runs_and_hands_back_the_rest_uncounted(
    amqp_url: str,
) -> None:
    requests = [run_request(NAP) for _ in range(4)]
    with running_runner(amqp_url, concurrency=2) as runner:
        vhosts.publish(amqp_url, *(envelopes.run_request(each, None) for each in requests))
        first = runner.events(2)
        runner.stop.set()

    started = {event.execution_id for event in first if isinstance(event, ExecutionStarted)}
    ended = [event for event in runner.events(2) if isinstance(event, ExecutionFinished)]
    assert {event.execution_id for event in ended} == started
    assert [(event.status, event.attempt) for event in ended] == [(Status.COMPLETED, 1)] * 2
    left = vhosts.take(amqp_url, topology.run_queue("python"), 2)
    assert {properties.correlation_id for properties, _body in left} == {
        str(each.execution_id) for each in requests if each.execution_id not in started
    }
    assert all("x-delivery-count" not in properties.headers for properties, _body in left)
    eventually(lambda: vhosts.depth(amqp_url, topology.run_queue("python")) == 0)
