"""A runner's machine whose clock is apart: what it carries ends once, and nothing is sent again."""

import os
import time
from collections.abc import Iterator

import pytest

from support.chaos.checks import check_nothing_is_left, check_promises
from support.chaos.faults import Bench
from support.chaos.load import Load
from support.chaos.projects import runs_code
from support.deployments.api_client import Platform
from support.wait_until import eventually

LIBRARY_VARIABLE = "FAKETIME_LIBRARY"
APART_SECONDS = 100
RUNS_PER_SECOND = 2.0
LOAD_SECONDS = 10.0
# Longer than the reconciler waits and looks: see compose.chaos.yml.
NAP_SECONDS = 14
NAP = f"import time\ntime.sleep({NAP_SECONDS})\nprint(6 * 7)"

pytestmark = pytest.mark.skipif(
    not os.environ.get(LIBRARY_VARIABLE), reason="make chaos installs libfaketime and names it"
)


@pytest.fixture(params=[-APART_SECONDS, APART_SECONDS], ids=["slow", "fast"])
def apart(bench: Bench, request: pytest.FixtureRequest) -> Iterator[int]:
    """How many seconds the runner's clock is ahead of all others."""
    seconds: int = request.param
    _set_clock(bench, {"RUNNER_PRELOAD": "/opt/libfaketime.so.1", "RUNNER_CLOCK": f"{seconds:+}s"})
    yield seconds
    _set_clock(bench, {"RUNNER_PRELOAD": "", "RUNNER_CLOCK": ""})


@pytest.mark.timeout(900)
def test_a_runner_whose_clock_is_apart_is_believed_once(
    bench: Bench, platform: Platform, seed: int, apart: int
) -> None:
    assert abs(_clock_of_runner(bench) - time.time() - apart) < APART_SECONDS / 2

    with Load(bench.stack.gateway_urls(), RUNS_PER_SECOND, seed) as load:
        long_one = platform.start(platform.open_session(NAP), time_limit_ms=60_000)
        time.sleep(LOAD_SECONDS)
        runs = load.finish()
    execution = platform.result(long_one)
    quiet_since = time.monotonic()

    check_promises(platform, runs)
    assert {run.answer["attempts"] for run in runs} == {1}
    assert (execution["status"], execution["stdout"], execution["attempts"]) == (
        "COMPLETED",
        "42\n",
        1,
    )
    events = platform.call("GET", f"/executions/{long_one}/events").json()["events"]
    assert [event["type"] for event in events].count("finished") == 1
    check_nothing_is_left(bench, quiet_since)


def _set_clock(bench: Bench, settings: dict[str, str]) -> None:
    bench.stack.settings.update(settings)
    bench.stack.replace("runner")
    eventually(lambda: runs_code(bench.stack))


def _clock_of_runner(bench: Bench) -> float:
    return float(bench.stack.execute("runner", "python", "-c", "import time; print(time.time())"))
