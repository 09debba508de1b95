"""Stopping programs on the real engine, at every moment of their lives."""

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from runlet.execution import Reason
from runner.sandbox.cancellation_token import CancellationToken
from runner.sandbox.interface import Outcome
from support.sandboxes.hostile import assert_nothing_is_left, processes_of_runs
from support.sandboxes.runners import processes_in
from support.sandboxes.sandboxes import TestBed, open_test_bed
from support.wait_until import eventually

SLEEPER = "import os\nprint('so far', flush=True)\nos.execvp('sleep', ['sleep', '4711'])"
# 2**24 instantiations: far more than the compiler does in its time.
LONG_TO_COMPILE = (
    "template <int N, long M>\n"
    "struct F { static const long v = F<N - 1, M * 2>::v + F<N - 1, M * 2 + 1>::v; };\n"
    "template <long M> struct F<0, M> { static const long v = 1; };\n"
    "int main() { return F<24, 1>::v == 0; }\n"
)
RACES = 25


@pytest.fixture(scope="module", params=[1, 100], ids=["fresh", "reused"])
def bed(request: pytest.FixtureRequest) -> Iterator[TestBed]:
    with open_test_bed(request.param) as bed:
        yield bed


def run_and_stop(bed: TestBed, source: str, language: str, when: Callable[[], object]) -> Outcome:
    token = CancellationToken()
    with ThreadPoolExecutor(1) as runs:
        outcome = runs.submit(bed.run, source, language, token=token)
        eventually(when)
        token.cancel()
        return outcome.result(60)


def is_running(bed: TestBed, name: str) -> bool:
    return any(name in line for line in processes_in(processes_of_runs(bed)))


def test_a_running_program_is_stopped_at_once_and_what_it_printed_is_kept(bed: TestBed) -> None:
    outcome = run_and_stop(bed, SLEEPER, "python", lambda: is_running(bed, "sleep 4711"))

    assert (outcome.reason, outcome.result.stdout) == (Reason.CANCELLED, "so far\n")
    assert outcome.result.execution_time_ms is not None
    assert_nothing_is_left(bed)


def test_a_compiler_is_stopped_at_once(bed: TestBed) -> None:
    outcome = run_and_stop(bed, LONG_TO_COMPILE, "cpp", lambda: is_running(bed, "cc1plus"))

    assert outcome.reason is Reason.CANCELLED
    assert outcome.result.compile is not None
    assert_nothing_is_left(bed)


def test_a_program_that_was_to_stop_before_it_started_never_starts(bed: TestBed) -> None:
    token = CancellationToken()
    token.cancel()
    before = len(bed.started)

    outcome = bed.run("print('hello')", token=token)

    assert (outcome.reason, outcome.result.stdout) == (Reason.CANCELLED, "")
    assert len(bed.started) == before


def test_a_container_whose_program_was_stopped_serves_no_other(bed: TestBed) -> None:
    run_and_stop(bed, SLEEPER, "python", lambda: is_running(bed, "sleep 4711"))
    stopped = bed.pool.last_acquired

    bed.run("print('next')")

    assert bed.pool.last_acquired is not stopped


@pytest.mark.parametrize(
    ("language", "source", "longest"),
    [
        ("python", "print(6 * 7)", 0.06),
        ("c", '#include <stdio.h>\nint main(void) { puts("42"); return 0; }', 0.25),
    ],
    ids=["python", "c"],
)
def test_a_stop_at_any_moment_ends_its_own_run_or_none(
    bed: TestBed, language: str, source: str, longest: float
) -> None:
    moments = random.Random(7)
    for _ in range(RACES):
        token = CancellationToken()
        timer = threading.Timer(moments.uniform(0, longest), token.cancel)
        timer.start()
        raced = bed.run(source, language, token=token)
        following = bed.run(source, language)
        timer.join()

        assert raced.reason in (None, Reason.CANCELLED)
        assert raced.reason or raced.result.stdout == "42\n"
        assert (following.reason, following.result.stdout) == (None, "42\n")
