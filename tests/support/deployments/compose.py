"""The compose command on the stack that `make test` has started."""

import os
import shlex
import subprocess

from support.deployments.api_client import required

SECONDS = 330


def compose(*arguments: str) -> str:
    """Run it; gives its standard output. Fails, with what it said, when it fails."""
    command = [*shlex.split(required("RUNLET_TEST_COMPOSE")), *arguments]
    environment = {**os.environ, "COMPOSE_INTERACTIVE_NO_CLI": "1"}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
    return done.stdout
