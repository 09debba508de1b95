"""What a runner between a real broker and a real engine tells Prometheus."""

from collections.abc import Callable

import urllib3

from runlet import topology
from runlet_amqp import envelopes
from runlet_telemetry import metrics
from support.broker import vhosts
from support.sandboxes.runners import run_request, running_runner
from support.telemetry.metrics import Page, rise, value
from support.telemetry.ops import serve
from support.wait_until import eventually

PRINT = "print(42)"
SLEEP = "import time\ntime.sleep(1)"


def of_python(name: str, **labels: str) -> Callable[[], float]:
    """How much a figure of Python rises from now on."""
    return rise(name, language="python", **labels)


def test_a_run_leaves_its_marks_and_a_runner_without_work_none(amqp_url: str) -> None:
    waits, runs = of_python("runlet_run_queue_seconds_count"), of_python("runlet_run_seconds_count")
    warm, cold = (of_python("runlet_pool_takes_total", outcome=how) for how in ("warm", "cold"))
    worn_out = of_python("runlet_container_retirements_total", cause="worn_out")
    starts = of_python("runlet_container_start_seconds_count")
    with running_runner(amqp_url) as runner:
        eventually(lambda: value("runlet_pool_containers", language="python", state="idle") == 1)
        assert (starts(), waits(), runs(), warm(), cold()) == (1, 0, 0, 0, 0)

        vhosts.publish(amqp_url, envelopes.run_request(run_request(PRINT), None))
        runner.finished()
        eventually(runs)

        assert (waits(), runs(), warm(), cold(), worn_out()) == (1, 1, 1, 0, 1)


def test_a_slot_and_a_container_are_busy_while_a_program_runs(amqp_url: str) -> None:
    with running_runner(amqp_url, concurrency=2) as runner:
        assert value("runlet_slots") == 2
        vhosts.publish(amqp_url, envelopes.run_request(run_request(SLEEP), None))
        runner.events(1)

        assert value("runlet_slots_busy") == 1
        assert value("runlet_pool_containers", language="python", state="taken") == 1

        runner.events(1)
        eventually(lambda: value("runlet_slots_busy") == 0)
        assert value("runlet_pool_containers", language="python", state="taken") == 0


def test_a_request_that_came_back_from_a_dead_runner_counts_as_redelivered(amqp_url: str) -> None:
    queue = topology.run_queue("python")
    redeliveries = rise("runlet_redeliveries_total", queue=queue)
    vhosts.publish(amqp_url, envelopes.run_request(run_request(PRINT), None))
    with vhosts.open_channel(amqp_url) as dying:
        eventually(lambda: dying.basic_get(queue)[0])

    with running_runner(amqp_url) as runner:
        runner.finished()

    assert redeliveries() == 1


def test_health_readiness_and_the_runners_own_metrics_are_served(amqp_url: str) -> None:
    with running_runner(amqp_url) as runner:
        address = f"http://127.0.0.1:{serve(runner.runner.ops_server(port=0))}"
        assert urllib3.request("GET", f"{address}/health").status == 200
        assert urllib3.request("GET", f"{address}/ready").status == 200
        page = Page(urllib3.request("GET", f"{address}/metrics").data.decode())

    own = {family.name for metric in metrics.RUNNER for family in metric.describe()}
    assert {name for name in page.names() if name.startswith("runlet_")} == own
    assert page.total("runlet_build_info", service="runner")
