"""What Runlet is compared with: the bare interpreter, and the engine with a container a run."""

import contextlib
import os
from pathlib import Path
from typing import Any

import docker

from benchmarks.speed.figures import Figures, latencies, throughput
from runlet.languages import Language

DRIVER = Path(__file__).with_name("baseline.pl").read_text(encoding="utf-8")
SETUP = 'cd /tmp && printf "%s" "$SOURCE" > "$FILE" && printf "%s" "$DRIVER" > baseline.pl && exec '
ENGINE_CALLERS = 4


def bare(client: docker.DockerClient, language: Language, source: str, runs: int) -> Figures:
    """Compile and run on the same image and cores, with nothing of Runlet in between."""
    one = _drive(client, language, source, runs, 1)
    cores = os.cpu_count() or 1
    many = _drive(client, language, source, runs, cores)
    name = "bare compiler and program" if language.compile else "bare interpreter"
    return Figures(name, one.latencies_ms, many.per_second)


def docker_run(client: docker.DockerClient, language: Language, source: str, runs: int) -> Figures:
    """A container for each run, through the engine's API, under limits like Runlet's."""

    def run() -> None:
        output = client.containers.run(
            f"runlet/toolchain-{language.id}",
            ["/usr/bin/python3", "-c", source],
            **_limits(),
            remove=True,
        )
        if output != b"1\n":
            raise RuntimeError(f"docker run printed {output!r}")

    run()
    return Figures("docker run", latencies(run, runs), throughput([run] * ENGINE_CALLERS, runs))


def engine_alone(client: docker.DockerClient, language: Language, runs: int) -> Figures:
    """Creating, starting and removing a container that runs nothing."""

    def run() -> None:
        container = client.containers.create(
            f"runlet/toolchain-{language.id}", ["/bin/true"], **_limits()
        )
        container.start()
        container.remove(force=True)

    run()
    return Figures(
        "engine: create, start, remove",
        latencies(run, runs),
        throughput([run] * ENGINE_CALLERS, runs),
    )


def _limits() -> dict[str, Any]:
    return {
        "network_mode": "none",
        "mem_limit": "256m",
        "memswap_limit": "256m",
        "cpu_period": 100_000,
        "cpu_quota": 200_000,
        "pids_limit": 64,
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "tmpfs": {"/tmp": "exec,size=64m"},
    }


def _drive(
    client: docker.DockerClient, language: Language, source: str, runs: int, workers: int
) -> Figures:
    command = ["perl", "baseline.pl", str(runs), str(workers), *_compile_and_run(language)]
    container = client.containers.create(
        f"runlet/toolchain-{language.id}",
        ["sh", "-c", SETUP + '"$@"', "sh", *command],
        environment=[
            f"SOURCE={source}",
            f"FILE={language.file_name}",
            f"DRIVER={DRIVER}",
            "HOME=/tmp",
            *language.environment,
        ],
        network_mode="none",
        tmpfs={"/tmp": "exec,size=256m"},
    )
    with contextlib.ExitStack() as stack:
        stack.callback(container.remove, force=True)
        container.start()
        status = container.wait()["StatusCode"]
        lines = container.logs(stdout=True, stderr=False).decode().splitlines()
    if status or not lines or not lines[-1].startswith("total "):
        raise RuntimeError(f"The baseline of {language.id} could not be measured: {lines[-3:]}")
    total = float(lines[-1].removeprefix("total "))
    measured = tuple(float(line) for line in lines[:-1])
    return Figures("bare", measured, len(measured) / total)


def _compile_and_run(language: Language) -> list[str]:
    if not language.compile:
        return list(language.run)
    script = " ".join([*language.compile, "&&", *language.run])
    return ["sh", "-c", script]
