"""Many runs in a row leave nothing behind and nothing grows. `make soak` takes 10,000 of them."""

import os
from pathlib import Path

import psutil
import pytest

from runner.bootstrap import owner_name
from runner.containers.engine import OWNER_LABEL
from support.sandboxes.hostile import ALONE, LOOK_AROUND, assert_nothing_is_left, processes_of_runs
from support.sandboxes.sandboxes import TestBed, open_test_bed

RUNS = int(os.environ.get("SOAK_RUNS", "600"))
RUNS_PER_CONTAINER = 1000
ONE_AND_A_SPARE = 2
WARM_UP = 100
RUNNER_NOISE_BYTES = 8 << 20
AGENT_NOISE_BYTES = 256 << 10

# Each leaves something of another kind, so that every part of the scrubbing works every time.
PROGRAMS = [
    ("print(1)", "1\n"),
    ("open('/dev/shm/x', 'w').write('x' * 9999); print(2)", "2\n"),
    ("import os; os.makedirs('a/b/c/d'); print(3)", "3\n"),
    ("print('x' * 50000)", "x" * 50_000 + "\n"),
    (LOOK_AROUND, ALONE),
]


@pytest.mark.timeout(1800)
def test_many_runs_leave_nothing_and_nothing_grows() -> None:
    with open_test_bed(RUNS_PER_CONTAINER) as bed:
        run_some(bed, WARM_UP)
        runner_before, agents_before = own_memory(), agent_memory(bed)
        containers_before = own_containers(bed)
        run_some(bed, RUNS)

        assert own_memory() - runner_before < RUNNER_NOISE_BYTES
        assert agent_memory(bed) - agents_before < AGENT_NOISE_BYTES
        assert len(own_containers(bed) - containers_before) <= ONE_AND_A_SPARE
        assert_nothing_is_left(bed)
        assert not processes_of_runs(bed)


def run_some(bed: TestBed, count: int) -> None:
    for number in range(count):
        source, expected = PROGRAMS[number % len(PROGRAMS)]
        outcome = bed.run(source)
        assert (outcome.reason, outcome.result.stdout) == (None, expected)


def own_memory() -> int:
    return int(psutil.Process().memory_info().rss)


def own_containers(bed: TestBed) -> set[str]:
    owner = owner_name(bed.pool.client)
    own = [found for found in bed.engine.sandboxes() if found["Labels"][OWNER_LABEL] == owner]
    return {found["Id"] for found in own if found["State"] == "running"}


def agent_memory(bed: TestBed) -> int:
    """Resident bytes of the agent that served last, as the host sees it."""
    inspected = bed.pool.client.api.inspect_container(bed.pool.last_acquired.name)
    pages = Path(f"/proc/{inspected['State']['Pid']}/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
