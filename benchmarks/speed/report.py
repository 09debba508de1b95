"""The table and the plots of a bench run."""

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
import matplotlib.pyplot as plt

from benchmarks.speed.figures import Figures
from runlet_telemetry.build_info import VERSION

ENOUGH_FOR_P99 = 100


@dataclass(frozen=True)
class Section:
    """One program in one language, measured in several ways; the first way is the baseline."""

    title: str
    ways: Sequence[Figures]


def write(sections: Sequence[Section], folder: Path, machine: str) -> Path:
    """Write README.md and the plots into `folder`; gives the table's path."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        "# Bench",
        "",
        f"Written by `make bench` with Runlet {VERSION}. {machine}",
        "Latency is that of one caller, in ms; throughput that of several callers at once; the",
        "ratio is to the baseline (the bare interpreter, or compiler and program) measured in the",
        "same sitting.",
        "",
    ]
    for number, section in enumerate(sections):
        lines += _table(section)
        plot = f"latency-{number}.svg"
        _plot(section, folder / plot)
        lines += [f"![Latencies]({plot})", ""]
    path = folder / "README.md"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def describe_machine(cores: int, engine: str) -> str:
    """A sentence about where it was measured."""
    return f"{cores} cores shared by everything, Linux {platform.release()}, Docker {engine}."


def _table(section: Section) -> list[str]:
    baseline = section.ways[0]
    lines = [
        f"## {section.title}",
        "",
        "| way | p50 | p95 | p99 | p50 to baseline | a second | to baseline |",
        "|---|---|---|---|---|---|---|",
    ]
    for way in section.ways:
        p50, p95 = way.percentile(50), way.percentile(95)
        p99 = f"{way.percentile(99):.1f}" if len(way.latencies_ms) >= ENOUGH_FOR_P99 else "-"
        lines.append(
            f"| {way.name} | {p50:.1f} | {p95:.1f} | {p99} | {p50 / baseline.percentile(50):.2f} "
            f"| {way.per_second:.1f} | {way.per_second / baseline.per_second:.2f} |"
        )
    return [*lines, "", *_cpu_table(section)]


def _cpu_table(section: Section) -> list[str]:
    ways = [way for way in section.ways if way.cpu_seconds]
    if not ways:
        return []
    parts = sorted({part for way in ways for part in way.cpu_seconds})
    lines = [
        "CPU ms for each execution, the runs themselves included:",
        "",
        "| part | " + " | ".join(way.name for way in ways) + " |",
        "|---|" + "---|" * len(ways),
    ]
    for part in parts:
        cells = [f"{way.cpu_seconds.get(part, 0.0) * 1000:.2f}" for way in ways]
        lines.append(f"| {part} | " + " | ".join(cells) + " |")
    return [*lines, ""]


def _plot(section: Section, path: Path) -> None:
    figure, axes = plt.subplots(figsize=(7, 3.5))
    for way in section.ways:
        ordered = sorted(way.latencies_ms)
        shares = [100 * (rank + 1) / len(ordered) for rank in range(len(ordered))]
        axes.plot(ordered, shares, label=way.name)
    axes.set_xscale("log")
    axes.set_xlabel("from request to result, ms")
    axes.set_ylabel("% of runs")
    axes.set_title(section.title)
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize="small")
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)
