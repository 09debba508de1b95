"""Runners that are added carry as much as the first: with programs that sleep, cores are no limit.

`make test` looks shortly and with a generous bound; `make scale` measures.
"""

import os
from pathlib import Path

import pytest

from support.deployments.api_client import Platform, required
from support.deployments.runner_replicas import Throughput, runners_with, throughput

LONG = bool(os.environ.get("SCALE_WAVES"))
WAVES = int(os.environ.get("SCALE_WAVES") or 4)
LEAST_RATIO = 3.8 if LONG else 2.5
REPLICAS = 4
CONCURRENCY = 2
NAP_SECONDS = 4 if LONG else 1
NAP = f"import time; time.sleep({NAP_SECONDS})"
SETTINGS = {"RUNNER_CONCURRENCY": str(CONCURRENCY), "SANDBOX_RUNS_PER_CONTAINER": "1000"}
REPORT = Path(__file__).parents[2] / ".runlet" / "scaling.md"


@pytest.mark.timeout(900)
def test_four_runners_carry_what_four_should() -> None:
    with runners_with(**SETTINGS) as scale:
        scale(1)
        one = measured(1)
        scale(REPLICAS)
        four = measured(REPLICAS)

    ratio = four.per_second / one.per_second
    write_down(one, four, ratio)
    assert ratio >= LEAST_RATIO, (one, four)


def measured(count: int) -> Throughput:
    """What `count` runners get done when there is always more to do."""
    platform = Platform(required("RUNLET_TEST_GATEWAY_URL"))
    slots = count * CONCURRENCY
    return throughput(platform, NAP, slots * WAVES, slots)


def write_down(one: Throughput, four: Throughput, ratio: float) -> None:
    """Keep the figures as a table."""
    rows = [
        f"| {count} | {seen.runs} | {seen.seconds:.2f} | {seen.per_second:.2f} |"
        for count, seen in ((1, one), (REPLICAS, four))
    ]
    head = [f"| runners | runs of {NAP_SECONDS} s | seconds | runs/s |", "|---|---|---|---|"]
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text("\n".join([*head, *rows, "", f"Ratio {ratio:.2f}."]) + "\n", encoding="utf-8")
