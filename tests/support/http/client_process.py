"""The client's command line as a process of its own, as a shell would start it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

CLIENT = Path(__file__).parents[3] / "clients" / "python"
COMMAND = (sys.executable, "-m", "runlet_client")
END_SECONDS = 180


def environment(url: str) -> Mapping[str, str]:
    """The environment of a client of the Runlet at `url`."""
    kept = {name: value for name, value in os.environ.items() if name != "RUNLET_TOKEN"}
    return {**kept, "PYTHONPATH": str(CLIENT), "RUNLET_URL": url}


@contextmanager
def started(url: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A `runlet` that runs meanwhile; what it writes can be read as it comes."""
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        env=environment(url),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Whoever runs the tests may have a shell that lets background jobs ignore Ctrl-C.
        preexec_fn=_heed_interrupts,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def _heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def finished(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A `runlet` that has ended, with what it wrote."""
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment(url),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=END_SECONDS,
    )
