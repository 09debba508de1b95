"""Whatever dies under load: nothing accepted is lost, nothing is stuck, nothing counts twice.

`make test` takes some of the faults; with CHAOS_ROUNDS set, as in `make chaos`, it is all of them
as many times.
"""

import os
import random
import time

import pytest

from support.chaos.checks import check_nothing_is_left, check_promises
from support.chaos.faults import Bench, Fault, all_faults, frozen_parts
from support.chaos.load import Load
from support.chaos.report import Outcome, Report
from support.deployments.api_client import Platform

ROUNDS = int(os.environ.get("CHAOS_ROUNDS") or 0)
FAULTS = [fault for fault in all_faults() if ROUNDS or fault.in_short]
# Beyond the bound, so that the table shows what a slow recovery took.
TIMES_BOUND_WAITED = 4
RIGHT_ANSWERS_AFTERWARDS = 3


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("turn", range(max(1, ROUNDS)))
@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_nothing_accepted_is_lost(
    bench: Bench, platform: Platform, report: Report, seed: int, fault: Fault, turn: int
) -> None:
    print(f"CHAOS_SEED={seed} repeats these moments.")
    endure(fault, bench, platform, report, random.Random(f"{seed} {fault} {turn}"))


@pytest.mark.skipif(ROUNDS > 0, reason="each of them is among the faults of make chaos")
@pytest.mark.timeout(1500)
def test_nothing_accepted_is_lost_while_a_part_is_frozen(
    bench: Bench, platform: Platform, report: Report, seed: int
) -> None:
    chance = random.Random(seed)
    fault = chance.choice(frozen_parts())
    print(f"CHAOS_SEED={seed} repeats this {fault.name}.")
    endure(fault, bench, platform, report, chance)


def endure(
    fault: Fault, bench: Bench, platform: Platform, report: Report, chance: random.Random
) -> None:
    """Strike, and check everything that was promised to callers meanwhile."""
    outcome = outcome_of(fault, bench, chance)
    quiet_since = time.monotonic()

    report.add(outcome)
    check_promises(platform, outcome.runs)
    check_nothing_is_left(bench, quiet_since)
    assert outcome.recovery_seconds is not None, "no run begun after the fault ever ended well"
    assert outcome.recovery_seconds < fault.recovery_seconds * bench.slowness


def outcome_of(fault: Fault, bench: Bench, chance: random.Random) -> Outcome:
    """Strike at a random moment of a steady load, and let it go on until all is well again."""
    start = chance.randrange(10**6)
    patience = TIMES_BOUND_WAITED * fault.recovery_seconds * bench.slowness
    restarts = bench.stack.restarts()
    with Load(bench.stack.gateway_urls(), fault.runs_per_second, start) as load:
        time.sleep(chance.uniform(2, 4))
        begun = time.monotonic()
        with fault.strike(bench):
            time.sleep(chance.uniform(*fault.seconds))
            ending = time.monotonic()
        ended = time.monotonic()
        load.begin_run()
        answered = load.wait_for_right_answers(RIGHT_ANSWERS_AFTERWARDS, ended, patience)
        recovery = None if answered is None else answered - ended
        runs = load.finish()
    restarted = bench.stack.restarted_since(restarts)
    return Outcome(fault.name, ending - begun, recovery, runs, restarted)
