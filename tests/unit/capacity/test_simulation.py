"""The simulated machine against what is known of machines, and against the measured one."""

import pytest
from benchmarks.capacity import measurements
from benchmarks.capacity.report import simulate
from benchmarks.capacity.simulation import Machine, Work, closed_loop, work_of

WORK = Work(accepting=6, running=14, storing=6, beside=12)


def test_a_lone_caller_waits_for_the_work_on_the_path_only() -> None:
    curve = closed_loop(Machine(cores=8, slots=8), WORK, callers=1, runs_each=500)

    assert curve.p50_ms == pytest.approx(26, rel=0.1)


def test_throughput_ends_where_the_cores_are_full() -> None:
    curve = closed_loop(Machine(cores=2, slots=2), WORK, callers=16, runs_each=100)

    assert curve.per_second == pytest.approx(2 * 1000 / WORK.total, rel=0.1)


def test_slots_bound_what_many_cores_could_do() -> None:
    curve = closed_loop(Machine(cores=64, slots=1), WORK, callers=16, runs_each=50)

    assert curve.per_second == pytest.approx(1000 / WORK.running, rel=0.1)


def test_the_same_seed_gives_the_same_curve() -> None:
    curves = [closed_loop(Machine(2, 2, seed=7), WORK, 4, 50) for _ in range(2)]

    assert curves[0] == curves[1]


def test_the_work_of_a_run_is_all_that_was_measured() -> None:
    measured = measurements.read()

    assert work_of(measured).total == pytest.approx(sum(measured.execution.cpu_ms.values()))


def test_the_simulation_tells_the_measured_throughput() -> None:
    measured = measurements.read()

    for point, curve in zip(measured.curve, simulate(measured), strict=True):
        assert curve.per_second == pytest.approx(point.per_second, rel=0.25), point


def test_the_simulation_tells_the_measured_latencies() -> None:
    measured = measurements.read()

    for point, curve in zip(measured.curve, simulate(measured), strict=True):
        assert curve.p50_ms == pytest.approx(point.p50_ms, rel=0.3), point
