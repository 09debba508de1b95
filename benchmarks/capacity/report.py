"""The capacity model in words and figures: README.md and the plot beside it."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
import matplotlib.pyplot as plt

from benchmarks.capacity import plan
from benchmarks.capacity.measurements import Cost, Measurements
from benchmarks.capacity.simulation import Curve, Machine, closed_loop, crowd, work_of
from runlet_telemetry.build_info import VERSION

FOLDER = Path(__file__).parents[2] / "docs" / "capacity"
RUNS_SIMULATED, SECONDS_SIMULATED = 2000, 120
LEARNERS = (100, 10_000, 1_000_000)
# How full the cores of the one machine are at each simulated number of learners.
FILLINGS = (0.2, 0.4, 0.6, 0.8, 0.9)


def simulate(measured: Measurements) -> list[Curve]:
    """The measured curve, as the simulation tells it."""
    work = work_of(measured)
    return [
        closed_loop(
            Machine(measured.cores, measured.cores),
            work,
            point.callers,
            RUNS_SIMULATED // point.callers,
        )
        for point in measured.curve
    ]


def learners_at(measured: Measurements, filling: float) -> int:
    """How many learners at work keep this share of one machine's cores busy."""
    learner = plan.LEARNER
    ms = (
        measured.autosave.total_cpu_ms / learner.seconds_between_saves
        + (measured.execution.total_cpu_ms + plan.POLLS_PER_RUN * measured.poll.total_cpu_ms)
        / learner.seconds_between_runs
    )
    return int(filling * measured.cores * 1000 / ms)


def write(measured: Measurements) -> Path:
    """Write README.md and curve.svg; gives the path of the former."""
    curves = simulate(measured)
    _plot(measured, curves, FOLDER / "curve.svg")
    lines = [*_head(measured), *_curve_table(measured, curves), *_one_machine(measured)]
    path = FOLDER / "README.md"
    path.write_text("\n".join([*lines, *_plans(measured)]), encoding="utf-8")
    return path


def _head(measured: Measurements) -> list[str]:
    costs = (("run of print(1)", measured.execution), ("autosave", measured.autosave))
    rows = [_cost_row(name, cost) for name, cost in (*costs, ("poll", measured.poll))]
    memory = ", ".join(f"{part} {mb:.0f}" for part, mb in measured.memory_mb.items())
    return [
        "# Capacity",
        "",
        "Written by `make capacity`, which measures one machine (measure.py), simulates it",
        "(simulation.py, with simpy) and reckons from there (plan.py).",
        f"{measured.machine} {measured.runs_per_container} runs a container.",
        *_age_of(measured),
        "",
        "## What each call costs",
        "",
        "| call | CPU ms, all parts | of which runner hosts | APIs | PostgreSQL | RabbitMQ "
        "| collectors | bytes into PostgreSQL's log | bytes to disk |",
        "|---|---|---|---|---|---|---|---|---|",
        *rows,
        "",
        f"Memory in use afterwards, MiB: {memory}.",
        "",
    ]


def _age_of(measured: Measurements) -> list[str]:
    if measured.version == VERSION:
        return [f"Measured with version {VERSION}."]
    return [
        "",
        f"**Measured with version {measured.version}; this is {VERSION}.** So it says what to look",
        "at and not how much there is. Run the command for figures of this version.",
    ]


def _cost_row(name: str, cost: Cost) -> str:
    by_place = dict.fromkeys(plan.SINGLE_WRITER_CORES, 0.0)
    for part, ms in cost.cpu_ms.items():
        if place := plan.PLACES.get(part):
            by_place[place] += ms
    places = ("runner hosts", "APIs", "PostgreSQL", "RabbitMQ", "collectors")
    cells = " | ".join(f"{by_place[place]:.2f}" for place in places)
    return (
        f"| {name} | {cost.total_cpu_ms:.1f} | {cells} "
        f"| {cost.wal_bytes:,.0f} | {cost.disk_bytes:,.0f} |"
    )


def _curve_table(measured: Measurements, curves: Sequence[Curve]) -> list[str]:
    rows = [
        f"| {point.callers} | {point.per_second:.1f} | {curve.per_second:.1f} "
        f"| {point.p50_ms:.0f} | {curve.p50_ms:.0f} | {point.p95_ms:.0f} | {curve.p95_ms:.0f} |"
        for point, curve in zip(measured.curve, curves, strict=True)
    ]
    return [
        "## The measured machine and the simulated one",
        "",
        "Callers that ask for a run, wait for its result and ask again. From the measurement the",
        "simulation takes the CPU cost of a run and the latency of one caller, and predicts the",
        "rest.",
        "",
        "| callers | runs a second, measured | simulated | p50 ms, measured | simulated "
        "| p95 ms, measured | simulated |",
        "|---|---|---|---|---|---|---|",
        *rows,
        "",
        "![Measured and simulated](curve.svg)",
        "",
    ]


def _one_machine(measured: Measurements) -> list[str]:
    learner = plan.LEARNER
    lines = [
        "## What one such machine carries",
        "",
        "Learners at work at the same moment: each saves every "
        f"{learner.seconds_between_saves:g} s",
        f"and runs every {learner.seconds_between_runs:g} s, at random moments (simulated).",
        "",
        "| cores busy | learners | runs a second | p50 ms | p95 ms |",
        "|---|---|---|---|---|",
    ]
    for filling in FILLINGS:
        learners = learners_at(measured, filling)
        machine = Machine(measured.cores, measured.cores)
        save = measured.autosave.total_cpu_ms
        curve = crowd(machine, work_of(measured), save, learner, learners, SECONDS_SIMULATED)
        lines.append(
            f"| {filling:.0%} | {learners} | {curve.per_second:.1f} "
            f"| {curve.p50_ms:.0f} | {curve.p95_ms:.0f} |"
        )
    return [*lines, ""]


def _plans(measured: Measurements) -> list[str]:
    lines = [
        "## What more learners take",
        "",
        f"All at work at once, programs of {plan.PROGRAM_CPU_MS:g} ms of CPU beside the cost above",
        f"(a guess), cores planned {plan.BUSY_AT_MOST:.0%} busy. A writer is a node of RabbitMQ or",
        "PostgreSQL that cannot be shared out by adding another of the same: where more than one",
        "is needed, sessions are spread over that many (DESIGN.md, Scale).",
        "",
        "| learners | runs/s | saves/s | cores: "
        + " | cores: ".join(plan.SINGLE_WRITER_CORES)
        + " | full first | PostgreSQL's log, GB a day | about $ a month |",
        "|---|---|---|" + "---|" * (len(plan.SINGLE_WRITER_CORES) + 3),
    ]
    return [*lines, *(plan_row(plan.plan(measured, learners)) for learners in LEARNERS), ""]


def plan_row(each: plan.Plan) -> str:
    """A line of the table about more learners."""
    together = ["the one machine", *["" for _ in each.needs[1:]]]
    cores = together if each.fits_one_machine else [_cores(need) for need in each.needs]
    cells = [
        f"{each.learners:,}",
        f"{each.runs_per_second:,.1f}",
        f"{each.saves_per_second:,.0f}",
        *cores,
        each.fullest.place,
        f"{each.gigabytes_a_day:,.1f}",
        f"{each.dollars_a_month:,.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def _cores(need: plan.Need) -> str:
    writers = f" ({need.machines_of_writers} writers)" if need.machines_of_writers > 1 else ""
    return f"{need.cores:,}{writers}"


def _plot(measured: Measurements, curves: Sequence[Curve], path: Path) -> None:
    callers = [point.callers for point in measured.curve]
    figure, (rate, latency) = plt.subplots(1, 2, figsize=(9, 3.5))
    rate.plot(callers, [point.per_second for point in measured.curve], "o-", label="measured")
    rate.plot(callers, [curve.per_second for curve in curves], "x--", label="simulated")
    rate.set_ylabel("runs a second")
    latency.plot(callers, [point.p50_ms for point in measured.curve], "o-", label="measured p50")
    latency.plot(callers, [curve.p50_ms for curve in curves], "x--", label="simulated p50")
    latency.set_ylabel("from request to result, ms")
    for axes in (rate, latency):
        axes.set_xlabel("callers")
        axes.set_ylim(bottom=0)
        axes.grid(visible=True, alpha=0.3)
        axes.legend(fontsize="small")
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)
