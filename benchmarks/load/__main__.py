"""python -m benchmarks.load: lets the learners loose on a stack, and writes docs/load/."""

import csv
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import docker

from benchmarks.speed.report import describe_machine
from benchmarks.speed.stack import Stack
from runlet_telemetry.build_info import VERSION

FOLDER = Path("docs/load")
# The bounds that are kept to: a call, a percentile, milliseconds.
BOUNDS = (
    ("PATCH /code-sessions/{id}", "99%", 50),
    ("POST /code-sessions/{id}/run", "50%", 10),
    ("GET /executions/{id}", "50%", 5),
)
PERCENTILES = ("50%", "95%", "99%")
# The bounds are for both: a container for each run costs the engine so much more CPU that callers
# on two cores feel it.
REUSED, ONCE = 100, 1

Row = Mapping[str, str]


def main() -> int:
    """Measure and write the tables; 1, and sentences, when a call failed or missed its bound."""
    seconds = int(os.environ.get("LOAD_SECONDS") or 60)
    client = docker.DockerClient.from_env()
    stack = Stack.of_environment(client)
    measured: dict[int, list[Row]] = {}
    for runs_per_container in (REUSED, ONCE):
        stack.switch(runs_per_container)
        measured[runs_per_container] = _measure(stack.address(), seconds)
    FOLDER.mkdir(parents=True, exist_ok=True)
    table = FOLDER / "README.md"
    machine = describe_machine(os.cpu_count() or 1, client.version()["Version"])
    table.write_text(_report(machine, measured, seconds), encoding="utf-8")
    sys.stdout.write(f"{table.read_text(encoding='utf-8')}\n")
    problems = [
        f"With {runs_per_container} a container: {problem}"
        for runs_per_container, rows in measured.items()
        for problem in (*_failed(rows), *_slow(rows))
    ]
    sys.stderr.writelines(f"{problem}\n" for problem in problems)
    return 1 if problems else 0


def _measure(url: str, seconds: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder) / "load"
        command = [
            sys.executable,
            "-m",
            "locust",
            "-f",
            "benchmarks/load/learners.py",
            "--host",
            url,
        ]
        command += ["--headless", "--users", "220", "--spawn-rate", "100", "--reset-stats"]
        command += ["--run-time", f"{seconds}s", "--csv", str(figures), "--only-summary"]
        # Locust's own exit code tells of failed calls, which are read from its figures here.
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
        with figures.with_name("load_stats.csv").open(newline="", encoding="utf-8") as stats:
            return [{**row, "call": _call(row)} for row in csv.DictReader(stats) if row["Type"]]


def _call(row: Row) -> str:
    return row["Name"] if " " in row["Name"] else f"{row['Type']} {row['Name']}"


def _report(machine: str, measured: Mapping[int, Sequence[Row]], seconds: int) -> str:
    bounds = {call: f"{name} under {limit}".replace("%", " %") for call, name, limit in BOUNDS}
    return "\n".join(
        [
            "# Load",
            "",
            f"Written by `make load` with Runlet {VERSION}. {machine}",
            f"For {seconds} s, 200 clients save every second and 20 run a program every 5 s, each",
            "at moments of its own, all through the gateway; the load generator shares the cores.",
            "Milliseconds.",
            "",
            f"## {REUSED} runs a container",
            "",
            *_table(measured[REUSED], bounds),
            f"## {ONCE} run a container",
            "",
            *_table(measured[ONCE], bounds),
        ]
    )


def _table(rows: Sequence[Row], bounds: Mapping[str, str]) -> list[str]:
    lines = ["| call | calls | failed | p50 | p95 | p99 | bound |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        percentiles = " | ".join(row[name] for name in PERCENTILES)
        counts = f"{row['Request Count']} | {row['Failure Count']}"
        bound = bounds.get(row["call"], "")
        lines.append(f"| `{row['call']}` | {counts} | {percentiles} | {bound} |")
    return [*lines, ""]


def _failed(rows: Sequence[Row]) -> list[str]:
    return [
        f"{row['Failure Count']} of {row['call']} failed."
        for row in rows
        if row["Failure Count"] != "0"
    ]


def _slow(rows: Sequence[Row]) -> list[str]:
    by_call = {row["call"]: row for row in rows}
    missing = [f"{call} was never called." for call, _, _ in BOUNDS if call not in by_call]
    return missing + [
        f"{call}: {name} took {by_call[call][name]} ms, not under {limit}."
        for call, name, limit in BOUNDS
        if call in by_call and float(by_call[call][name]) >= limit
    ]


if __name__ == "__main__":
    sys.exit(main())
