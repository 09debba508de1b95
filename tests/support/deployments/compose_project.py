"""A compose project of a test's own, made of a copy of what a fresh clone holds."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import docker

from support.chaos.projects import project
from support.deployments.api_client import required

ROOT = Path(__file__).parents[3]
# What compose reads: the files, what is mounted, what images are built of.
CLONED = ("deploy", "services", "shared")
NOT_CLONED = shutil.ignore_patterns("__pycache__", "*.pyc", ".*_cache")
# Of this process's environment; the settings of the stack under test are there too.
KEPT = ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY")
# Only a failure takes that long, so a slow machine is given what it may need.
COMPOSE_SECONDS = 1200
CALL_SECONDS = 300
OVERRIDE = "docker-compose.override.yml"
LABEL = "com.docker.compose.project"


class ComposeProject:
    """Compose alone on a fresh clone: without make, without an .env; `settings` as variables."""

    def __init__(self, command: Sequence[str], folder: Path, settings: Mapping[str, str]) -> None:
        self.name = project("alone")
        self.folder = folder
        self.settings = dict(settings)
        self._command = list(command)
        _clone_into(folder)

    def compose(self, *arguments: str) -> str:
        """One compose command; gives what it prints, and fails with its reasons."""
        environment = {name: os.environ[name] for name in KEPT if name in os.environ}
        done = subprocess.run(
            [*self._command, *arguments],
            cwd=self.folder,
            env={**environment, "COMPOSE_PROJECT_NAME": self.name, **self.settings},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMPOSE_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def secrets(self, variables: Sequence[str]) -> dict[str, str]:
        """Some of the secrets that the stack has made, by variable."""
        # At once, because each command costs a container.
        shown = self.compose("run", "--rm", "-T", "secrets", "show", *variables)
        return dict(zip(variables, shown.splitlines(), strict=True))

    def remove(self) -> None:
        """Take it down with its data; nothing is left then."""
        self.compose("down", "-v", "--remove-orphans", "-t", "5")
        engine: Any = docker.from_env(timeout=CALL_SECONDS)
        filters = {"label": f"{LABEL}={self.name}"}
        assert engine.containers.list(all=True, filters=filters) == []
        assert engine.volumes.list(filters=filters) == []


def compose_under_test() -> list[str]:
    """The compose command that the stack under test was started with."""
    words = shlex.split(required("RUNLET_TEST_COMPOSE"))
    return words[: words.index("--project-directory")]


def _overlays() -> list[str]:
    """What the stack under test has on top of docker-compose.yml, and not for the tests' sake."""
    words = shlex.split(required("RUNLET_TEST_COMPOSE"))
    files = [value for flag, value in pairwise(words) if flag == "-f" and "/tests/" not in value]
    return files[1:]


def _clone_into(folder: Path) -> None:
    copy_compose_files(folder)
    for file in _overlays():
        # Under a name by which compose finds it: its files are to be found by compose alone.
        assert not (folder / OVERRIDE).exists()
        shutil.copy(file, folder / OVERRIDE)
    for name in CLONED:
        shutil.copytree(ROOT / name, folder / name, ignore=NOT_CLONED)
    shutil.copy(ROOT / ".dockerignore", folder)


def copy_compose_files(folder: Path) -> None:
    """Those that compose finds by itself, and what they may be combined with."""
    for file in (ROOT / "compose.yaml", *ROOT.glob("docker-compose*.yml")):
        shutil.copy(file, folder)
