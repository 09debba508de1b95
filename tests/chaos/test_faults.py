"""Whatever dies under load: nothing accepted is lost, nothing is stuck, nothing counts twice.

`make test` takes some of the faults; with CHAOS_ROUNDS set, as in `make chaos`, it is all of them
as many times.
"""

import os
import random
import time

import pytest

from support.chaos.checks import check_nothing_is_left, check_promises
from support.chaos.faults import Bench, Fault, all_faults
from support.chaos.load import Load
from support.chaos.report import Outcome, Report
from support.deployments.api_client import Platform

ROUNDS = int(os.environ.get("CHAOS_ROUNDS") or 0)
FAULTS = [fault for fault in all_faults() if ROUNDS or fault.in_short]
RECOVERY_SECONDS = 15.0
# Beyond the bound, so that the table shows what a slow recovery took.
PATIENCE_SECONDS = 60.0
RIGHT_ANSWERS_AFTERWARDS = 3


@pytest.mark.timeout(500)
@pytest.mark.parametrize("turn", range(max(1, ROUNDS)))
@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_nothing_accepted_is_lost(
    bench: Bench, platform: Platform, report: Report, seed: int, fault: Fault, turn: int
) -> None:
    chance = random.Random(f"{seed} {fault} {turn}")
    print(f"CHAOS_SEED={seed} repeats these moments.")

    outcome = outcome_of(fault, bench, chance)
    quiet_since = time.monotonic()

    report.add(outcome)
    check_promises(platform, outcome.runs)
    check_nothing_is_left(bench, quiet_since)
    assert outcome.recovery_seconds is not None, "no run begun after the fault ever ended well"
    assert outcome.recovery_seconds < RECOVERY_SECONDS


def outcome_of(fault: Fault, bench: Bench, chance: random.Random) -> Outcome:
    """Strike at a random moment of a steady load, and let it go on until all is well again."""
    start = chance.randrange(10**6)
    with Load(bench.stack.gateway_urls(), fault.runs_per_second, start) as load:
        time.sleep(chance.uniform(2, 4))
        begun = time.monotonic()
        with fault.strike(bench):
            time.sleep(chance.uniform(*fault.seconds))
            ending = time.monotonic()
        ended = time.monotonic()
        answered = load.wait_for_right_answers(RIGHT_ANSWERS_AFTERWARDS, ended, PATIENCE_SECONDS)
        recovery = None if answered is None else answered - ended
        return Outcome(fault.name, ending - begun, recovery, load.finish())
