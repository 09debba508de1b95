"""python -m benchmarks.speed: measures everything against the stack that make bench has started."""

import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import docker

from benchmarks.speed import baselines, load, report
from benchmarks.speed.cpu import CpuMeter
from benchmarks.speed.figures import Figures, of_turns
from benchmarks.speed.report import Section
from benchmarks.speed.stack import Stack
from runlet.languages import LANGUAGES, Language

FOLDER = Path("docs/bench")
RUNS = int(os.environ.get("BENCH_RUNS", "600"))
# What takes a tenth of a second or more each.
SLOW_RUNS = max(40, RUNS // 15)
# The machine's own speed moves within minutes: the baseline and Runlet are measured in turns.
TURNS = 3
ONCE, REUSED = 1, 100
PRINT_1, HELLO = "print(1)\n", "Hello World\n"


class Bench:
    """One sitting: the same machine, the same hour, one thing after the other."""

    def __init__(self, client: docker.DockerClient) -> None:
        self._client = client
        self._stack = Stack.of_environment(client)
        self._cpu = CpuMeter(client, self._stack.project)

    def run(self) -> list[Section]:
        """Measure everything."""
        python = LANGUAGES["python"]
        self._stack.switch(ONCE)
        once = self._measure(ONCE, python)
        self._stack.switch(REUSED, fork_servers=False)
        started = self._measure(REUSED, python, ", each interpreter started")
        self._stack.switch(REUSED)
        baseline, forked = self._in_turns(python)
        ways = [baseline, *self._engine(python), once, started, forked]
        return [Section("Python, print(1)", ways), *(self._other(each) for each in others())]

    def _in_turns(self, language: Language) -> tuple[Figures, Figures]:
        bare, runlets = [], []
        for _ in range(TURNS):
            say(f"The baseline: {language.name}")
            bare.append(baselines.bare(self._client, language, PRINT_1, RUNS // TURNS))
            runlets.append(self._measure(REUSED, language))
        return of_turns(bare), of_turns(runlets)

    def _engine(self, language: Language) -> list[Figures]:
        say(f"The engine: {language.name}")
        return [
            baselines.docker_run(self._client, language, PRINT_1, SLOW_RUNS),
            baselines.engine_alone(self._client, language, SLOW_RUNS),
        ]

    def _other(self, language: Language) -> Section:
        runlet = self._measure(REUSED, language)
        say(f"The baseline: {language.name}")
        baseline = baselines.bare(self._client, language, language.template, SLOW_RUNS)
        done = "compiled and run" if language.compile else "run"
        return Section(f"{language.name}, Hello World, {done}", [baseline, runlet])

    def _measure(self, mode: int, language: Language, remark: str = "") -> Figures:
        name = f"Runlet, {mode} a container{remark}"
        say(f"{name}: {language.name}")
        python = language.id == "python"
        source, expected = (PRINT_1, "1\n") if python else (language.template, HELLO)
        runs = RUNS // TURNS if python and mode == REUSED else SLOW_RUNS
        make = partial(load.Caller, self._stack.address(), language.id, source, expected)
        return load.measure(name, make, runs, self._cpu)


def others() -> Sequence[Language]:
    """Every language but Python."""
    return [language for language in LANGUAGES.values() if language.id != "python"]


def say(what: str) -> None:
    """Print progress."""
    sys.stdout.write(f"    {what}\n")
    sys.stdout.flush()


def main() -> None:
    """Measure, write and print the table."""
    client = docker.DockerClient.from_env(timeout=120, max_pool_size=32)
    sections = Bench(client).run()
    machine = report.describe_machine(os.cpu_count() or 1, client.version()["Version"])
    path = report.write(sections, FOLDER, machine)
    sys.stdout.write(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
