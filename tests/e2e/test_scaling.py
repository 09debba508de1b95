import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.deployments.api_client import Platform, required

Scale = Callable[[int], None]
SECONDS_TO_SCALE = 110


@pytest.fixture
def scale() -> Iterator[Scale]:
    compose = shlex.split(required("RUNLET_TEST_COMPOSE"))

    def scale_runners(count: int) -> None:
        command = [*compose, "up", "-d", "--no-recreate", "--scale", f"runner={count}", "runner"]
        environment = {**os.environ, "COMPOSE_INTERACTIVE_NO_CLI": "1"}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=SECONDS_TO_SCALE
        )
        assert done.returncode == 0, done.stderr

    yield scale_runners
    scale_runners(1)


def runner_of(platform: Platform, execution_id: str) -> str:
    events = platform.call("GET", f"/executions/{execution_id}/events").json()["events"]
    (detail,) = [event["detail"] for event in events if event["type"] == "started"]
    told = re.match(r"by runner (\S+), container \S+, image \S+$", detail)
    assert told, detail
    return told[1]


@pytest.mark.timeout(300)
def test_runners_that_are_added_share_the_work(gateway: Platform, scale: Scale) -> None:
    scale(3)
    source = "import time; time.sleep(0.5); print('done')"

    def run_one(_number: int) -> str:
        execution_id = gateway.start(gateway.open_session(source))
        assert gateway.result(execution_id)["stdout"] == "done\n"
        return runner_of(gateway, execution_id)

    runners: set[str] = set()
    with ThreadPoolExecutor(12) as learners:
        for _ in range(10):
            runners |= set(learners.map(run_one, range(12)))
            if len(runners) == 3:
                break

    assert len(runners) == 3
