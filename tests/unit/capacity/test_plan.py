"""What more learners take."""

import dataclasses

import pytest
from benchmarks.capacity import measurements, report
from benchmarks.capacity.measurements import Cost, Measurements, Point
from benchmarks.capacity.plan import plan

MEASURED = Measurements(
    version="0.2.0",
    machine="A machine.",
    cores=2,
    runs_per_container=100,
    curve=(Point(1, 36, 27, 40),),
    execution=Cost({"postgres": 3.0, "execution-api": 6.0, "load generator": 99.0}, 5000, 20_000),
    autosave=Cost({"postgres": 0.3, "session-api": 1.0}, 1500, 5000),
    poll=Cost({"execution-api": 1.0}, 0, 0),
    memory_mb={"postgres": 100.0},
)


def test_needs_grow_with_the_learners() -> None:
    few, many = plan(MEASURED, 1000), plan(MEASURED, 100_000)

    assert [need.busy * 100 for need in few.needs] == pytest.approx(
        [need.busy for need in many.needs]
    )


def test_a_hundred_learners_fit_one_machine() -> None:
    assert plan(MEASURED, 100).fits_one_machine


def test_a_million_learners_do_not() -> None:
    found = plan(MEASURED, 1_000_000)

    assert not found.fits_one_machine
    assert found.fullest.place == "PostgreSQL"
    assert found.fullest.machines_of_writers > 1


def test_the_load_generator_is_nobodys_need() -> None:
    cheap = dataclasses.replace(MEASURED.execution, cpu_ms={"postgres": 3.0, "execution-api": 6.0})

    assert plan(dataclasses.replace(MEASURED, execution=cheap), 5000) == plan(MEASURED, 5000)


def test_the_written_tables_are_those_of_the_last_measurement() -> None:
    measured = measurements.read()
    written = (report.FOLDER / "README.md").read_text(encoding="utf-8")

    assert measured.machine in written
    for learners in report.LEARNERS:
        assert report.plan_row(plan(measured, learners)) in written
